//! The whole: real peers on a network, the appliance on its SPAN port, receivers behind it, people at
//! its console. Everything runs in the namespaces of a lab; so does the thread of each test.
#![expect(clippy::result_large_err, reason = "rusqlite's own")]

mod attack;
mod hostile;
mod load;
mod outage;
mod peers;
mod places;
mod site;
mod storm;
mod stream;
