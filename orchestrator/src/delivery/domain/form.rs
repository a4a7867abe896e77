//! The form of a delivery: GitHub can send `payload=<JSON>` instead of plain JSON.

use std::borrow::Cow;

/// The JSON within a body.
pub(super) fn json_of<'a>(content_type: Option<&str>, body: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    let form = content_type.is_some_and(|kind| {
        kind.trim_start()
            .to_ascii_lowercase()
            .starts_with("application/x-www-form-urlencoded")
    });
    if !form {
        return Some(Cow::Borrowed(body));
    }
    let mut fields = body.split(|byte| *byte == b'&');
    let payload = fields.find_map(|field| field.strip_prefix(b"payload="))?;
    decode(payload).map(Cow::Owned)
}

fn decode(field: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(field.len());
    let mut bytes = field.iter();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
                u8::try_from(digit(bytes.next())? * 16 + digit(bytes.next())?).ok()?
            }
            other => *other,
        });
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: Option<&str> = Some("application/x-www-form-urlencoded; charset=utf-8");

    #[test]
    fn a_form_holds_its_json() {
        let json = json_of(FORM, b"x=1&payload=%7B%22a%22%3A%22b+c%2B%C3%A9%22%7D").unwrap();
        assert_eq!(json, "{\"a\":\"b c+é\"}".as_bytes());
        assert_eq!(json_of(None, b"payload=1").unwrap(), &b"payload=1"[..]);
    }

    #[test]
    fn a_broken_form_holds_nothing() {
        for broken in ["", "x=1", "payload=%", "payload=%4", "payload=%zz"] {
            assert_eq!(json_of(FORM, broken.as_bytes()), None, "{broken}");
        }
    }
}
