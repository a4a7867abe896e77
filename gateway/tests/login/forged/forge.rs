//! A token's parts taken apart, changed, and put together again: with the platform's own key where that is the point.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::pkcs8::DecodePrivateKey;
use ed25519_dalek::{Signer, SigningKey};
use orchestrator::Orchestrator;
use orchestrator::testing::private_key;
use serde_json::Value;

/// The order of the group of Ed25519, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// A genuine token, and the key that signed it.
pub(super) struct Forge {
    pub(super) genuine: String,
    pub(super) head: Value,
    pub(super) claims: Value,
    pub(super) key: SigningKey,
}

impl Forge {
    pub(super) async fn of(orchestrator: &Orchestrator, audience: &str, genuine: &str) -> Self {
        let (kid, private) = private_key(orchestrator, audience).await.unwrap();
        let parts: Vec<_> = genuine.split('.').collect();
        let head: Value = serde_json::from_slice(&read(parts[0])).unwrap();
        assert_eq!(head["kid"], kid.as_str(), "the key of this token");
        Self {
            genuine: genuine.to_owned(),
            claims: serde_json::from_slice(&read(parts[1])).unwrap(),
            head,
            key: SigningKey::from_pkcs8_der(&private).unwrap(),
        }
    }

    pub(super) fn kid(&self) -> &str {
        self.head["kid"].as_str().unwrap()
    }

    pub(super) fn parts(&self) -> [&str; 3] {
        let parts: Vec<_> = self.genuine.split('.').collect();
        parts.try_into().unwrap()
    }

    /// Anything at all, signed by the platform's own key.
    pub(super) fn signed(&self, head: &str, claims: &str) -> String {
        by(&self.key, head, claims)
    }

    /// Another header, signed by the platform's own key; `null` takes a member away.
    pub(super) fn head(&self, changes: Value) -> String {
        self.signed(
            &changed(&self.head, changes).to_string(),
            &self.claims.to_string(),
        )
    }

    /// Other claims, signed by the platform's own key.
    pub(super) fn claims(&self, changes: Value) -> String {
        self.signed(
            &self.head.to_string(),
            &changed(&self.claims, changes).to_string(),
        )
    }

    /// The same claims under another header, with whatever signs the input.
    pub(super) fn under(&self, changes: Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
        let input = input(
            &changed(&self.head, changes).to_string(),
            &self.claims.to_string(),
        );
        let signature = sign(input.as_bytes());
        format!("{input}.{}", write(&signature))
    }

    /// The genuine text with another signature.
    pub(super) fn resigned(&self, change: impl FnOnce(&mut Vec<u8>)) -> String {
        let [head, claims, signature] = self.parts();
        let mut signature = read(signature);
        change(&mut signature);
        format!("{head}.{claims}.{}", write(&signature))
    }

    /// Another signature of the same text that a careless check takes for genuine: the order is added to its scalar.
    pub(super) fn malleated(&self) -> String {
        self.resigned(|signature| {
            let mut carry = 0_u16;
            for (byte, more) in signature[32..].iter_mut().zip(ORDER) {
                let sum = u16::from(*byte) + u16::from(more) + carry;
                *byte = sum.to_le_bytes()[0];
                carry = sum >> 8;
            }
        })
    }
}

/// Signs with any key.
pub(super) fn by(key: &SigningKey, head: &str, claims: &str) -> String {
    let input = input(head, claims);
    let signature = key.sign(input.as_bytes()).to_bytes();
    format!("{input}.{}", write(&signature))
}

pub(super) fn input(head: &str, claims: &str) -> String {
    format!("{}.{}", write(head.as_bytes()), write(claims.as_bytes()))
}

pub(super) fn changed(object: &Value, changes: Value) -> Value {
    let mut object = object.as_object().unwrap().clone();
    let Value::Object(changes) = changes else {
        panic!("changes are an object");
    };
    for (name, value) in changes {
        if value.is_null() {
            object.remove(&name);
        } else {
            object.insert(name, value);
        }
    }
    Value::Object(object)
}

/// An object's text in which a member stands twice, first with another value.
pub(super) fn twice(object: &Value, member: &str, first: &Value) -> String {
    let text = object.to_string();
    format!("{{\"{member}\":{first},{}", &text[1..])
}

pub(super) fn read(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

pub(super) fn write(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
