//! Live capture through AF_PACKET rings.

pub mod fanout;
mod hash;

#[cfg(test)]
mod tests;
