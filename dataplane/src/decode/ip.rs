//! IPv4 and IPv6, with options, extension headers and fragments.

use std::net::IpAddr;

use etherparse::err::ipv4::HeaderError as Ipv4Error;
use etherparse::err::ipv4::HeaderSliceError as Ipv4SliceError;
use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice};

use super::proto;
use super::walk::{Next, Step, Walk};
use crate::decode::{DecodeIssue, Fragment, Ip, Net, Span, Transport};

/// The most extension headers of a packet. RFC 8200 lists eight, each of which ought to occur once.
const EXTENSIONS_MAX: usize = 12;

impl Walk<'_, '_> {
    pub(super) fn any_ip(&self) -> Step {
        let &[first] = self.peek("ip")?;
        match first >> 4 {
            4 => Ok(Next::Ipv4),
            6 => Ok(Next::Ipv6),
            _ => Err(DecodeIssue::Malformed("ip version")),
        }
    }

    #[inline]
    pub(super) fn ipv4(&mut self) -> Step {
        let header = Ipv4HeaderSlice::from_slice(self.rest()).map_err(ipv4_issue)?;
        let head = header.slice().len();
        let total = usize::from(header.total_len());
        // Zero is what segmentation offload leaves to the adapter: then it is all there is.
        if total != 0 {
            if total < head {
                return Err(DecodeIssue::Malformed("ipv4 total length"));
            }
            self.ends_after(total);
        }
        let at = self.position();
        self.skip(head, "ipv4")?;
        let (src, dest) = (header.source_addr(), header.destination_addr());
        self.outer = Some((src.into(), dest.into()));
        let offset = u32::from(header.fragments_offset().value()).saturating_mul(8);
        let more = header.more_fragments();
        let transport = if more || offset != 0 {
            Transport::Fragment(Fragment {
                id: u32::from(header.identification()),
                offset,
                more,
                payload: self.span(),
            })
        } else {
            Transport::Other(self.span())
        };
        let protocol = header.protocol().0;
        let once = (header.ttl(), header.identification());
        self.ip(at, protocol, once, transport);
        match transport {
            Transport::Fragment(_) => Ok(Next::Done),
            _ if protocol == proto::TCP => self.by_proto(proto::TCP),
            _ => Ok(Next::Proto(protocol)),
        }
    }

    pub(super) fn ipv6(&mut self) -> Step {
        let header = Ipv6HeaderSlice::from_slice(self.rest()).map_err(|e| match e {
            etherparse::err::ipv6::HeaderSliceError::Len(_) => DecodeIssue::TooShort("ipv6"),
            etherparse::err::ipv6::HeaderSliceError::Content(_) => {
                DecodeIssue::Malformed("ipv6 version")
            }
        })?;
        let at = self.position();
        self.skip(header.slice().len(), "ipv6")?;
        let payload = usize::from(header.payload_length());
        let first = header.next_header().0;
        // Zero is a jumbogram, or left to the adapter: then it is all there is.
        if payload != 0 || first == proto::NONE {
            self.ends_after(payload);
        }
        let (src, dest) = (header.source_addr(), header.destination_addr());
        self.outer = Some((src.into(), dest.into()));
        let hops = header.hop_limit();
        let (protocol, fragment) = match self.extensions(first) {
            Ok(found) => found,
            // The capture cut an extension header: there is nothing above that could be read.
            Err(DecodeIssue::TooShort(_)) if self.is_cut() => {
                self.ip(at, first, (hops, 0), Transport::Other(self.span()));
                return Ok(Next::Done);
            }
            Err(issue) => return Err(issue),
        };
        let transport = fragment.map_or_else(
            || Transport::Other(self.span()),
            |f| {
                Transport::Fragment(Fragment {
                    payload: self.span(),
                    ..f
                })
            },
        );
        self.ip(at, protocol, (hops, 0), transport);
        match transport {
            Transport::Fragment(_) => Ok(Next::Done),
            _ => Ok(Next::Proto(protocol)),
        }
    }

    /// Consumes IPv6 extension headers; gives the upper protocol, and the fragment if it is one.
    fn extensions(&mut self, first: u8) -> Result<(u8, Option<Fragment>), DecodeIssue> {
        let mut protocol = first;
        for _ in 0..EXTENSIONS_MAX {
            match protocol {
                proto::HOP_BY_HOP
                | proto::ROUTING
                | proto::DEST_OPTIONS
                | proto::MOBILITY
                | proto::HIP
                | proto::SHIM6 => {
                    let &[next, len] = self.peek("ipv6 extension")?;
                    let len = usize::from(len).saturating_add(1).saturating_mul(8);
                    self.skip(len, "ipv6 extension")?;
                    protocol = next;
                }
                proto::AUTHENTICATION => protocol = self.authentication()?,
                proto::FRAGMENT => {
                    let &[next, _, o0, o1, i0, i1, i2, i3] = self.take("ipv6 fragment")?;
                    let field = u16::from_be_bytes([o0, o1]);
                    protocol = next;
                    let (offset, more) = (u32::from(field & 0xfff8), field & 1 == 1);
                    // A fragment that is the whole is no fragment (RFC 6946).
                    if offset != 0 || more {
                        let fragment = Fragment {
                            id: u32::from_be_bytes([i0, i1, i2, i3]),
                            offset,
                            more,
                            payload: Span::default(),
                        };
                        return Ok((protocol, Some(fragment)));
                    }
                }
                _ => return Ok((protocol, None)),
            }
        }
        Err(DecodeIssue::TooDeep)
    }

    /// Consumes an authentication header (RFC 4302); gives what follows.
    pub(super) fn authentication(&mut self) -> Result<u8, DecodeIssue> {
        let &[next, len] = self.peek("ah")?;
        let len = usize::from(len).saturating_add(2).saturating_mul(4);
        self.skip(len, "ah")?;
        Ok(next)
    }

    /// Notes the IP layer; `at` is where its header began.
    #[inline]
    fn ip(&mut self, at: u32, proto: u8, (ttl, ident): (u8, u16), transport: Transport) {
        let unspecified = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
        let (src, dest) = self.outer.unwrap_or((unspecified, unspecified));
        self.packet.net = Net::Ip(Ip {
            src,
            dest,
            proto,
            ttl,
            ident,
            transport,
            reassembled: self.reassembled,
            overlapped: self.overlapped,
            header: Span {
                offset: at,
                len: self.position().saturating_sub(at),
            },
        });
    }

    /// Notes what is above the IP layer noted last.
    #[inline]
    pub(super) const fn above(&mut self, transport: Transport) {
        if let Net::Ip(ip) = &mut self.packet.net {
            ip.transport = transport;
        }
    }
}

fn ipv4_issue(error: Ipv4SliceError) -> DecodeIssue {
    match error {
        Ipv4SliceError::Len(_) => DecodeIssue::TooShort("ipv4"),
        Ipv4SliceError::Content(Ipv4Error::UnexpectedVersion { .. }) => {
            DecodeIssue::Malformed("ipv4 version")
        }
        Ipv4SliceError::Content(Ipv4Error::HeaderLengthSmallerThanHeader { .. }) => {
            DecodeIssue::Malformed("ipv4 header length")
        }
    }
}
