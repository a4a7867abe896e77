//! Quantities: `100m`, `1Gi`, `2e3`.

/// One unit in the nano-units that quantities are counted in.
const UNIT: i128 = 1_000_000_000;

/// Reads a quantity as nano-units; `None` if it is not one.
pub(crate) fn parse(text: &str) -> Option<i128> {
    let split = text
        .find(|letter: char| !(letter.is_ascii_digit() || "+-.".contains(letter)))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(split);
    let scale = match suffix {
        "n" => 1,
        "u" => 1_000,
        "m" => 1_000_000,
        "" => UNIT,
        "k" => UNIT * 1_000,
        "M" => UNIT * 1_000_000,
        "G" => UNIT * 1_000_000_000,
        "T" => UNIT * 1_000_000_000_000,
        "P" => UNIT * 1_000_000_000_000_000,
        "E" => UNIT * 1_000_000_000_000_000_000,
        "Ki" => UNIT << 10,
        "Mi" => UNIT << 20,
        "Gi" => UNIT << 30,
        "Ti" => UNIT << 40,
        "Pi" => UNIT << 50,
        "Ei" => UNIT << 60,
        exponent => {
            let power: u32 = exponent.strip_prefix(['e', 'E'])?.parse().ok()?;
            UNIT.checked_mul(10_i128.checked_pow(power)?)?
        }
    };
    let (is_negative, digits) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_empty = whole.is_empty() && fraction.is_empty();
    if is_empty || fraction.len() > 9 || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let mut value = if whole.is_empty() {
        0
    } else {
        whole.parse::<i128>().ok()?.checked_mul(scale)?
    };
    if !fraction.is_empty() {
        let divisor = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
        value = value.checked_add(fraction.parse::<i128>().ok()?.checked_mul(scale)? / divisor)?;
    }
    Some(if is_negative { -value } else { value })
}

/// Writes nano-units as a quantity: `Ki`, `Mi`, `Gi` where they fit, else plain or `m`.
pub(crate) fn format(value: i128) -> String {
    if value % UNIT != 0 {
        return format!("{}m", value / 1_000_000);
    }
    let whole = value / UNIT;
    for (shift, suffix) in [(30, "Gi"), (20, "Mi"), (10, "Ki")] {
        if whole != 0 && whole % (1 << shift) == 0 {
            return format!("{}{suffix}", whole >> shift);
        }
    }
    whole.to_string()
}

/// Gives whole bytes (or whole units), rounded up.
pub(crate) fn units(value: i128) -> u64 {
    u64::try_from((value + UNIT - 1) / UNIT).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{format, parse, units};

    #[test]
    fn quantities_are_read_and_written() {
        assert_eq!(parse("1"), parse("1000m"));
        assert_eq!(parse("0.5"), parse("500m"));
        assert_eq!(parse("1Gi"), parse("1024Mi"));
        assert_eq!(parse("2e3"), parse("2k"));
        assert_eq!(parse("1E"), parse("1000P"));
        assert_eq!(units(parse("64Mi").expect("a quantity")), 64 << 20);
        for text in ["3", "250m", "64Mi", "1Gi"] {
            assert_eq!(format(parse(text).expect("a quantity")), text);
        }
        for text in ["", "x", "1Zi", "1.1.1", "--1"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
