//! TCP, UDP, ICMP, SCTP, and the tunnels that IP carries directly.

use parsers::kinds::icmp::counterpart;

use super::proto;
use super::walk::{Next, Step, Walk};
use crate::decode::{DecodeIssue, Span, Tcp, Transport};

impl Walk<'_, '_> {
    #[inline]
    pub(super) fn by_proto(&mut self, protocol: u8) -> Step {
        match protocol {
            proto::TCP => self.cut_or(Self::tcp),
            proto::UDP => self.cut_or(Self::udp),
            proto::ICMP | proto::ICMPV6 => {
                self.icmp(protocol == proto::ICMPV6);
                Ok(Next::Done)
            }
            proto::SCTP => {
                self.sctp();
                Ok(Next::Done)
            }
            proto::GRE => self.cut_or(Self::gre),
            proto::IPV4 => {
                let v6 = matches!(self.outer, Some((a, _)) if a.is_ipv6());
                self.tunnel(if v6 { "4in6" } else { "ipip" }, 0);
                Ok(Next::Ipv4)
            }
            proto::IPV6 => {
                let v6 = matches!(self.outer, Some((a, _)) if a.is_ipv6());
                self.tunnel(if v6 { "6in6" } else { "6in4" }, 0);
                Ok(Next::Ipv6)
            }
            proto::ETHER_IP => self.cut_or(Self::ether_ip),
            proto::MPLS => Ok(Next::Mpls),
            proto::AUTHENTICATION => {
                let next = self.authentication()?;
                self.now_proto(next);
                Ok(Next::Proto(next))
            }
            _ => {
                self.above(Transport::Other(self.span()));
                Ok(Next::Done)
            }
        }
    }

    /// Where the capture cut a header, the packet is given without what is above IP.
    #[inline]
    fn cut_or(&mut self, header: fn(&mut Self) -> Step) -> Step {
        let span = self.span();
        match header(self) {
            Err(DecodeIssue::TooShort(_)) if self.is_cut() => {
                self.above(Transport::Other(span));
                Ok(Next::Done)
            }
            step => step,
        }
    }

    fn icmp(&mut self, v6: bool) {
        let message = self.span();
        let [ty, code] = self.rest().first_chunk().copied().unwrap_or_default();
        let other = counterpart(v6, ty.into()).unwrap_or_else(|| code.into());
        self.above(Transport::Icmp {
            pair: [ty.into(), other],
            message,
        });
    }

    /// The common header (RFC 9260 3.1) begins with the ports.
    fn sctp(&mut self) {
        let message = self.span();
        let above = match self.rest().first_chunk().copied() {
            Some([s0, s1, d0, d1]) => Transport::Sctp {
                src: u16::from_be_bytes([s0, s1]),
                dest: u16::from_be_bytes([d0, d1]),
                message,
            },
            None => Transport::Other(message),
        };
        self.above(above);
    }

    #[inline]
    fn tcp(&mut self) -> Step {
        let (head, tcp) = tcp_header(self.peek("tcp")?);
        if head < TCP_HEAD {
            return Err(DecodeIssue::Malformed("tcp header length"));
        }
        let announced = self.announced();
        if head > announced {
            return Err(DecodeIssue::TooShort("tcp"));
        }
        // Options that the capture cut are nothing that we need.
        self.skip(head.min(self.rest().len()), "tcp")?;
        self.above(Transport::Tcp(Tcp {
            payload: self.span(),
            wire_len: u32::try_from(announced.saturating_sub(head)).unwrap_or(u32::MAX),
            ..tcp
        }));
        Ok(Next::Done)
    }

    #[inline]
    fn udp(&mut self) -> Step {
        let announced = self.announced();
        let &[s0, s1, d0, d1, l0, l1, c0, c1] = self.take("udp")?;
        let len = usize::from(u16::from_be_bytes([l0, l1]));
        // Zero is left to the adapter, or a jumbogram: then it is all there is.
        if len != 0 {
            if len < 8 || len > announced {
                return Err(DecodeIssue::Malformed("udp length"));
            }
            self.ends_after(len.saturating_sub(8));
        }
        let (src, dest) = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
        self.above(Transport::Udp {
            src,
            dest,
            checksum: u16::from_be_bytes([c0, c1]),
            payload: self.span(),
        });
        self.udp_tunnel(src, dest)
    }
}

/// Bytes of a TCP header without options.
pub(super) const TCP_HEAD: usize = 20;

/// A TCP header (RFC 9293 3.1): how long it says that it is, and the segment, without its payload.
#[inline]
pub(super) const fn tcp_header(header: &[u8; TCP_HEAD]) -> (usize, Tcp) {
    let &[
        s0,
        s1,
        d0,
        d1,
        q0,
        q1,
        q2,
        q3,
        a0,
        a1,
        a2,
        a3,
        len,
        flags,
        w0,
        w1,
        c0,
        c1,
        _,
        _,
    ] = header;
    let tcp = Tcp {
        src: u16::from_be_bytes([s0, s1]),
        dest: u16::from_be_bytes([d0, d1]),
        seq: u32::from_be_bytes([q0, q1, q2, q3]),
        ack: u32::from_be_bytes([a0, a1, a2, a3]),
        flags,
        window: u16::from_be_bytes([w0, w1]),
        checksum: u16::from_be_bytes([c0, c1]),
        payload: Span { offset: 0, len: 0 },
        wire_len: 0,
    };
    ((len >> 4) as usize * 4, tcp)
}
