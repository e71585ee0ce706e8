//! The lab: what the SPAN port sees, and that nothing stays behind.

use std::process::Command;

use make::lab::{Lab, SENSOR};
use make::{Conversation, host};

fn namespaces() -> String {
    let output = Command::new("ip")
        .args(["netns", "list"])
        .output()
        .expect("ip runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_span_port_sees_every_frame_and_sends_none() {
    if let Some(reason) = Lab::missing() {
        println!("skipped: {reason}");
        return;
    }
    let lab = Lab::new("test").expect("a lab is made");
    lab.add_host("one", "10.20.1.1").expect("a host is added");
    lab.add_host("two", "10.20.1.2").expect("a host is added");
    let file = lab.folder().join("span.pcap");
    let recording = lab.record(&file).expect("tcpdump starts");
    let server = "import socket\n\
                  s = socket.create_server(('10.20.1.2', 2575))\n\
                  c, _ = s.accept()\n\
                  print(c.recv(100), flush=True)";
    let task = lab
        .spawn("two", &["python3", "-c", server])
        .expect("the server starts");
    lab.wait_listening("two", 2575).expect("the server listens");
    let client = "import socket\n\
                  socket.create_connection(('10.20.1.2', 2575)).sendall(b'synthetic')";
    let output = lab
        .exec("one", &["python3", "-c", client])
        .expect("the client runs");
    assert!(output.status.success(), "{output:?}");
    task.wait_for("synthetic").expect("the server got it");
    let dropped = recording.stop().expect("tcpdump stops");
    assert_eq!(dropped, 0);
    assert_eq!(lab.sensor_transmitted().expect("the counter is there"), 0);
    let bytes = std::fs::read(&file).expect("the recording is there");
    assert!(bytes.windows(9).any(|part| part == b"synthetic"));
    // The other test has a lab at the same time.
    let name = lab.prefix().to_owned();
    assert!(namespaces().contains(&format!("{name}-{SENSOR}")));
    drop(task);
    drop(lab);
    assert!(!namespaces().contains(&name), "{}", namespaces());
}

#[test]
fn a_capture_is_replayed_onto_the_hub() {
    if let Some(reason) = Lab::missing() {
        println!("skipped: {reason}");
        return;
    }
    let lab = Lab::new("replay").expect("a lab is made");
    let mut tcp = Conversation::new(host("10.20.1.1").port(40_000), host("10.20.1.2").port(104));
    let original = tcp.open().client(b"synthetic").close().capture();
    let (from, to) = (lab.folder().join("from.pcap"), lab.folder().join("to.pcap"));
    original.write(&from).expect("the capture is written");
    let recording = lab.record(&to).expect("tcpdump starts");
    lab.replay(&from, 1.0).expect("the frames are sent");
    recording.stop().expect("tcpdump stops");
    let bytes = std::fs::read(&to).expect("the recording is there");
    for frame in &original.frames {
        assert!(
            bytes
                .windows(frame.bytes.len())
                .any(|part| part == frame.bytes)
        );
    }
}
