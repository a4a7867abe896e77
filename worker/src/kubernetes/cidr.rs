//! Address ranges of network policies.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A range of addresses, for example `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    address: IpAddr,
    length: u8,
}

impl Cidr {
    /// Whether `other` lies within this range and is smaller: what an exception of it must be.
    pub(super) fn strictly_contains(&self, other: &Self) -> bool {
        self.address.is_ipv4() == other.address.is_ipv4()
            && self.length < other.length
            && bits(self.address, self.length) == bits(other.address, self.length)
    }
}

/// Ranges with commas between them; an empty text is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cidrs(pub Vec<Cidr>);

impl FromStr for Cidrs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

/// The network part, so that equal means the same network.
fn bits(address: IpAddr, length: u8) -> u128 {
    let (all, width) = match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    };
    all.checked_shr(width - u32::from(length)).unwrap_or(0)
}

impl FromStr for Cidr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is no address range; write it like 10.0.0.0/8 or fc00::/7");
        let (address, length) = text.split_once('/').ok_or_else(wrong)?;
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let length: u8 = length.parse().map_err(|_| wrong())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        if length > longest {
            return Err(wrong());
        }
        Ok(Self { address, length })
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> Cidr {
        text.parse().expect("a range")
    }

    #[test]
    fn an_exception_lies_within_and_is_smaller() {
        assert!(cidr("0.0.0.0/0").strictly_contains(&cidr("10.0.0.0/8")));
        assert!(cidr("10.0.0.0/8").strictly_contains(&cidr("10.1.0.0/16")));
        assert!(!cidr("140.82.112.0/20").strictly_contains(&cidr("10.0.0.0/8")));
        assert!(!cidr("10.0.0.0/8").strictly_contains(&cidr("10.0.0.0/8")));
        assert!(!cidr("0.0.0.0/0").strictly_contains(&cidr("fc00::/7")));
        assert!(cidr("::/0").strictly_contains(&cidr("fc00::/7")));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "",
            "10.0.0.0",
            "10.0.0.0/33",
            "fc00::/129",
            "github.com/32",
            "10.0.0/8",
        ] {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
        }
    }
}
