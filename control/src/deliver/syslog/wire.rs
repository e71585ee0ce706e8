//! The way to a receiver: a socket, a connection, an encrypted one.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::config::{Syslog as Config, Transport};
use crate::deliver::tls;

/// How long unacknowledged bytes may be on their way before the connection counts as broken: less
/// than messages are kept for.
const BLACK_HOLE_MS: u32 = 15_000;
/// How long a new encrypted connection is listened to: with TLS 1.3 a receiver refuses a certificate
/// only after the client's handshake is over.
const PROBATION: Duration = Duration::from_millis(250);

/// How often a talkative receiver is read from at a time.
const READS_MAX: usize = 64;

/// The way to a receiver, open or not.
pub(super) struct Wire {
    address: String,
    transport: Transport,
    timeout: Duration,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    open: Option<Open>,
}

enum Open {
    Udp(UdpSocket),
    Tcp(io::BufWriter<TcpStream>),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Wire {
    pub(super) fn new(config: &Config) -> Result<Self, String> {
        let host = config.address.rsplit_once(':').filter(|(host, port)| {
            !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        let (host, _) = host.ok_or_else(|| {
            format!(
                "address: `{}` is no host and port, as siem.example.org:6514",
                config.address
            )
        })?;
        let tls = if config.transport == Transport::Tls {
            let name = config.tls.server_name.as_deref().unwrap_or(host);
            let name = name
                .trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned();
            let name =
                ServerName::try_from(name).map_err(|error| format!("tls.server_name: {error}"))?;
            Some((Arc::new(tls::client(&config.tls)?), name))
        } else {
            None
        };
        Ok(Self {
            address: config.address.clone(),
            transport: config.transport,
            timeout: config.timeout.0,
            tls,
            open: None,
        })
    }

    /// Opens it, if it is not.
    pub(super) fn connect(&mut self) -> Result<(), String> {
        if self.open.is_none() {
            self.open = Some(self.opened().map_err(|error| self.said(&error))?);
        }
        Ok(())
    }

    pub(super) fn is_datagram(&self) -> bool {
        self.transport == Transport::Udp
    }

    pub(super) fn close(&mut self) {
        self.open = None;
    }

    /// Writes a message; it may stay in a buffer until the next [`Self::flush`].
    pub(super) fn send(&mut self, message: &[u8]) -> Result<(), String> {
        let outcome = match &mut self.open {
            None => Err(io::ErrorKind::NotConnected.into()),
            Some(Open::Udp(socket)) => socket.send(message).map(drop),
            Some(Open::Tcp(stream)) => stream.write_all(message),
            Some(Open::Tls(stream)) => stream.write_all(message),
        };
        outcome.map_err(|error| self.said(&error))
    }

    pub(super) fn flush(&mut self) -> Result<(), String> {
        let outcome = match &mut self.open {
            None | Some(Open::Udp(_)) => Ok(()),
            Some(Open::Tcp(stream)) => stream.flush(),
            Some(Open::Tls(stream)) => stream.flush(),
        };
        outcome.map_err(|error| self.said(&error))
    }

    /// Whether the receiver has closed the connection, or its machine says that nobody listens.
    pub(super) fn look(&mut self) -> Result<(), String> {
        let outcome = match &mut self.open {
            None => Ok(()),
            Some(Open::Udp(socket)) => {
                let error = socket.take_error();
                error.and_then(|error| error.map_or(Ok(()), Err))
            }
            Some(Open::Tcp(stream)) => listen(stream.get_mut(), None),
            Some(Open::Tls(stream)) => listen_within(stream, None),
        };
        outcome.map_err(|error| self.said(&error))
    }

    fn said(&self, error: &io::Error) -> String {
        format!("{}: {error}", self.address)
    }

    fn opened(&self) -> io::Result<Open> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in self.address.to_socket_addrs()? {
            match self.opened_at(address) {
                Ok(open) => return Ok(open),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn opened_at(&self, address: SocketAddr) -> io::Result<Open> {
        if self.transport == Transport::Udp {
            let own: SocketAddr = if address.is_ipv4() {
                ([0, 0, 0, 0], 0).into()
            } else {
                (std::net::Ipv6Addr::UNSPECIFIED, 0).into()
            };
            let socket = UdpSocket::bind(own)?;
            socket.connect(address)?;
            return Ok(Open::Udp(socket));
        }
        let stream = TcpStream::connect_timeout(&address, self.timeout)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(self.timeout))?;
        stream.set_read_timeout(Some(self.timeout))?;
        rustix::net::sockopt::set_tcp_user_timeout(&stream, BLACK_HOLE_MS)?;
        rustix::net::sockopt::set_socket_keepalive(&stream, true)?;
        let Some((config, name)) = &self.tls else {
            return Ok(Open::Tcp(io::BufWriter::with_capacity(64 * 1024, stream)));
        };
        self.encrypted(stream, config, name)
    }

    fn encrypted(
        &self,
        mut stream: TcpStream,
        config: &Arc<ClientConfig>,
        name: &ServerName<'static>,
    ) -> io::Result<Open> {
        let mut connection =
            ClientConnection::new(Arc::clone(config), name.clone()).map_err(io::Error::other)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream)?;
        }
        let mut stream = Box::new(StreamOwned::new(connection, stream));
        listen_within(&mut stream, Some(PROBATION))?;
        stream.sock.set_read_timeout(Some(self.timeout))?;
        Ok(Open::Tls(stream))
    }
}

/// Reads what a receiver says, which is nothing unless it goes away; waits for it so long.
fn listen(stream: &mut TcpStream, wait: Option<Duration>) -> io::Result<()> {
    silent(stream, wait, |stream, buffer| stream.read(buffer))
}

fn listen_within(
    stream: &mut StreamOwned<ClientConnection, TcpStream>,
    wait: Option<Duration>,
) -> io::Result<()> {
    let StreamOwned { conn, sock } = stream;
    silent(sock, wait, |sock, buffer| {
        rustls::Stream::new(conn, sock).read(buffer)
    })
}

fn silent(
    stream: &mut TcpStream,
    wait: Option<Duration>,
    mut read: impl FnMut(&mut TcpStream, &mut [u8]) -> io::Result<usize>,
) -> io::Result<()> {
    match wait {
        Some(wait) => stream.set_read_timeout(Some(wait))?,
        None => stream.set_nonblocking(true)?,
    }
    let outcome = heard(|buffer| read(stream, buffer));
    stream.set_nonblocking(false)?;
    outcome
}

/// Reads until there is nothing. A receiver that talks without end is let talk.
fn heard(mut read: impl FnMut(&mut [u8]) -> io::Result<usize>) -> io::Result<()> {
    let mut buffer = [0_u8; 512];
    for _ in 0..READS_MAX {
        match read(&mut buffer) {
            Ok(0) => {
                let why = "the receiver closed the connection";
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
            }
            Ok(_) => {}
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => return Ok(()),
                io::ErrorKind::Interrupted => {}
                _ => return Err(error),
            },
        }
    }
    Ok(())
}
