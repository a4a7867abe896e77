//! Bearers that nobody was given: by their text, algorithm, key, header and claims.

use ed25519_dalek::pkcs8::EncodePublicKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::{Signer, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Sha256, Sha512};

use super::forge::{Forge, by, changed, read, twice, write};

pub(super) type Kind = (&'static str, String);

/// Every kind, made of one genuine token; `other` is another genuine one, `canary` an address nobody may ask.
pub(super) fn kinds(of: &Forge, other: &Forge, canary: &str) -> Vec<Kind> {
    let mut kinds = texts(of, other);
    kinds.extend(algorithms(of));
    kinds.extend(keys(of, other, canary));
    kinds.extend(heads(of));
    kinds.extend(claims(of, other));
    kinds
}

fn texts(of: &Forge, other: &Forge) -> Vec<Kind> {
    let [head, claims, signature] = of.parts();
    let [_, other_claims, other_signature] = other.parts();
    let flipped = of.resigned(|signature| signature[0] ^= 1);
    let loose = match signature.as_bytes().last() {
        Some(b'A') => 'B',
        Some(b'Q') => 'R',
        Some(b'g') => 'h',
        _ => 'x',
    };
    let flat = json!({"protected": head, "payload": claims, "signature": signature});
    vec![
        ("text: nonsense", "nonsense".into()),
        ("text: two dots", "..".into()),
        ("text: no signature", format!("{head}.{claims}")),
        ("text: an empty signature", format!("{head}.{claims}.")),
        ("text: no claims", format!("{head}..{signature}")),
        ("text: a fourth part", format!("{}.{signature}", of.genuine)),
        (
            "text: five parts, as of an encrypted one",
            format!("{head}.a.b.{claims}.{signature}"),
        ),
        ("text: one bit of the signature", flipped),
        (
            "text: a signature of zeros",
            of.resigned(|signature| signature.fill(0)),
        ),
        (
            "text: half a signature",
            of.resigned(|signature| signature.truncate(32)),
        ),
        ("text: the order added to the signature", of.malleated()),
        (
            "text: loose bits at the signature's end",
            format!("{head}.{claims}.{}{loose}", &signature[..signature.len() - 1]),
        ),
        (
            "text: padding at the signature's end",
            format!("{}==", of.genuine),
        ),
        (
            "text: the signature of another token",
            format!("{head}.{claims}.{other_signature}"),
        ),
        (
            "text: the claims of another token",
            format!("{head}.{other_claims}.{signature}"),
        ),
        ("text: the JSON form of a signature", flat.to_string()),
        (
            "text: 16 kB, signed by the platform",
            of.claims(json!({"scope": "x".repeat(12_000)})),
        ),
    ]
}

fn algorithms(of: &Forge) -> Vec<Kind> {
    let public = of.key.verifying_key();
    let raw = public.to_bytes();
    let pem = public.to_public_key_pem(LineEnding::LF).unwrap();
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": write(&raw)}).to_string();
    let with = |alg: &str| json!({ "alg": alg });
    let genuine = |input: &[u8]| of.key.sign(input).to_bytes().to_vec();
    let unsigned = |alg: &str| of.under(with(alg), |_| Vec::new());
    vec![
        ("algorithm: none", unsigned("none")),
        ("algorithm: None", unsigned("None")),
        ("algorithm: NONE", unsigned("NONE")),
        ("algorithm: an empty word", unsigned("")),
        (
            "algorithm: none, over a genuine signature",
            of.under(with("none"), genuine),
        ),
        (
            "algorithm: HS256 with the public key's bytes",
            of.under(with("HS256"), |it| hs256(&raw, it)),
        ),
        (
            "algorithm: HS256 with the public key's base64",
            of.under(with("HS256"), |it| hs256(write(&raw).as_bytes(), it)),
        ),
        (
            "algorithm: HS256 with the public key's PEM",
            of.under(with("HS256"), |it| hs256(pem.as_bytes(), it)),
        ),
        (
            "algorithm: HS256 with the public key's JWK",
            of.under(with("HS256"), |it| hs256(jwk.as_bytes(), it)),
        ),
        (
            "algorithm: HS256 with no key",
            of.under(with("HS256"), |it| hs256(b"", it)),
        ),
        (
            "algorithm: HS512 with the public key's bytes",
            of.under(with("HS512"), |it| hs512(&raw, it)),
        ),
        (
            "algorithm: RS256 over the public key",
            of.under(with("RS256"), |it| hs256(&raw, it)),
        ),
        (
            "algorithm: RS256 over a genuine signature",
            of.under(with("RS256"), genuine),
        ),
        (
            "algorithm: PS256 over a genuine signature",
            of.under(with("PS256"), genuine),
        ),
        (
            "algorithm: ES256 of zeros",
            of.under(with("ES256"), |_| vec![0; 64]),
        ),
        (
            "algorithm: eddsa over a genuine signature",
            of.under(with("eddsa"), genuine),
        ),
        (
            "algorithm: Ed25519 over a genuine signature",
            of.under(with("Ed25519"), genuine),
        ),
        ("algorithm: missing", of.under(json!({"alg": null}), genuine)),
        (
            "algorithm: a list",
            of.under(json!({"alg": ["EdDSA", "none"]}), genuine),
        ),
        (
            "algorithm: said twice",
            of.signed(&twice(&of.head, "alg", &json!("none")), &of.claims.to_string()),
        ),
    ]
}

fn keys(of: &Forge, other: &Forge, canary: &str) -> Vec<Kind> {
    let mine = SigningKey::from_bytes(&[7; 32]);
    let x = write(&mine.verifying_key().to_bytes());
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "mine"});
    let sign = |head: Value| {
        by(
            &mine,
            &changed(&of.head, head).to_string(),
            &of.claims.to_string(),
        )
    };
    let elsewhere = changed(
        &of.claims,
        json!({"iss": "https://token.actions.githubusercontent.com"}),
    );
    let theirs = changed(
        &of.head,
        json!({"kid": "ed25519-0198c0ffee0070008000000000000001"}),
    );
    vec![
        ("key: of a stranger under our key's name", sign(json!({}))),
        ("key: unknown", sign(json!({"kid": "mine"}))),
        ("key: no name", of.head(json!({"kid": null}))),
        ("key: an empty name", of.head(json!({"kid": ""}))),
        ("key: a number for a name", of.head(json!({"kid": 1}))),
        ("key: a list of names", of.head(json!({"kid": [of.kid()]}))),
        (
            "key: a name with blanks",
            of.head(json!({"kid": format!(" {} ", of.kid())})),
        ),
        (
            "key: a name said twice",
            of.signed(&twice(&of.head, "kid", &json!("mine")), &of.claims.to_string()),
        ),
        (
            "key: a path",
            of.under(json!({"kid": "../../../../dev/null", "alg": "HS256"}), |it| {
                hs256(b"", it)
            }),
        ),
        (
            "key: a path, signed by a stranger",
            sign(json!({"kid": "/dev/null"})),
        ),
        ("key: SQL that is true", sign(json!({"kid": "' OR '1'='1"}))),
        (
            "key: SQL that brings its own",
            sign(json!({
                "kid": format!("x' UNION SELECT 'x', '{}', '\\x', '\\x', 'edge' --", of.claims["aud"].as_str().unwrap()),
            })),
        ),
        ("key: a name with a zero byte", sign(json!({"kid": "a\0b"}))),
        ("key: a name of 15 kB", sign(json!({"kid": "a".repeat(15_000)}))),
        ("key: an address", sign(json!({"kid": canary}))),
        (
            "key: brought along as jwk",
            sign(json!({ "jwk": jwk, "kid": "mine" })),
        ),
        (
            "key: brought along as jwk under our key's name",
            sign(json!({ "jwk": jwk })),
        ),
        (
            "key: to be fetched, jku",
            sign(json!({"jku": canary, "kid": "mine"})),
        ),
        ("key: to be fetched, x5u", sign(json!({"x5u": canary}))),
        (
            "key: brought along as x5c",
            sign(json!({"x5c": [write(&[0x30; 64])], "x5t": write(&[1; 20])})),
        ),
        (
            "key: of the other address",
            by(&other.key, &other.head.to_string(), &of.claims.to_string()),
        ),
        (
            "key: of the other address under our key's name",
            by(&other.key, &of.head.to_string(), &of.claims.to_string()),
        ),
        (
            "key: of another issuer",
            by(&mine, &theirs.to_string(), &elsewhere.to_string()),
        ),
        (
            "key: of another installation",
            by(&mine, &theirs.to_string(), &of.claims.to_string()),
        ),
    ]
}

/// Signed by the platform's own key, which never signed such a header.
fn heads(of: &Forge) -> Vec<Kind> {
    let mut kinds = vec![
        ("header: crit of what is known", of.head(json!({"crit": ["exp"]}))),
        (
            "header: crit of what is not",
            of.head(json!({"crit": ["x"], "x": 1})),
        ),
        ("header: an empty crit", of.head(json!({"crit": []}))),
        ("header: zip", of.head(json!({"zip": "DEF"}))),
        (
            "header: a token in a token",
            of.signed(
                &changed(&of.head, json!({"cty": "JWT"})).to_string(),
                &json!(of.genuine).to_string(),
            ),
        ),
        (
            "header: the claims repeated in it",
            of.head(json!({"iss": of.claims["iss"], "aud": of.claims["aud"]})),
        ),
        ("header: type missing", of.head(json!({"typ": null}))),
        ("header: type JWT", of.head(json!({"typ": "JWT"}))),
        ("header: type in capitals", of.head(json!({"typ": "AT+JWT"}))),
        (
            "header: type with its application/",
            of.head(json!({"typ": "application/at+jwt"})),
        ),
        ("header: type of a logout", of.head(json!({"typ": "logout+jwt"}))),
        (
            "header: type of a proof of possession",
            of.head(json!({"typ": "dpop+jwt"})),
        ),
        (
            "header: type of an authorization request",
            of.head(json!({"typ": "oauth-authz-req+jwt"})),
        ),
        (
            "header: type said twice",
            of.signed(&twice(&of.head, "typ", &json!("JWT")), &of.claims.to_string()),
        ),
        ("header: no object", of.signed("[]", &of.claims.to_string())),
        ("header: no JSON", of.signed("EdDSA", &of.claims.to_string())),
    ];
    // RFC 7797: the claims as they are, not in base64.
    let head = changed(&of.head, json!({"b64": false, "crit": ["b64"]})).to_string();
    let input = format!("{}.{}", write(head.as_bytes()), of.claims);
    let signature = of.key.sign(input.as_bytes()).to_bytes();
    kinds.push(("header: b64 false", format!("{input}.{}", write(&signature))));
    kinds
}

/// Signed by the platform's own key, which never signed such claims.
#[expect(clippy::too_many_lines, reason = "a table")]
fn claims(of: &Forge, other: &Forge) -> Vec<Kind> {
    let aud = of.claims["aud"].as_str().unwrap();
    let origin = aud.strip_suffix("/mcp").unwrap();
    let number = |claim: &str| of.claims[claim].as_i64().unwrap();
    let said_twice =
        |claim: &str, first: Value| of.signed(&of.head.to_string(), &twice(&of.claims, claim, &first));
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    vec![
        (
            "claims: aud of another service",
            of.claims(json!({"aud": "https://other.example/mcp"})),
        ),
        (
            "claims: aud of the other address",
            of.claims(json!({"aud": other.claims["aud"]})),
        ),
        ("claims: aud of the origin", of.claims(json!({ "aud": origin }))),
        (
            "claims: aud with a slash more",
            of.claims(json!({"aud": format!("{aud}/")})),
        ),
        (
            "claims: aud in capitals",
            of.claims(json!({"aud": aud.to_uppercase()})),
        ),
        (
            "claims: aud a list with ours in it",
            of.claims(json!({"aud": ["https://other.example/mcp", aud]})),
        ),
        ("claims: aud a list of ours", of.claims(json!({"aud": [aud]}))),
        ("claims: aud missing", of.claims(json!({"aud": null}))),
        (
            "claims: aud said twice",
            said_twice("aud", json!("https://other.example/mcp")),
        ),
        (
            "claims: iss of another",
            of.claims(json!({"iss": "https://evil.example"})),
        ),
        (
            "claims: iss a list with ours in it",
            of.claims(json!({"iss": ["codex-k8s", "evil"]})),
        ),
        ("claims: iss missing", of.claims(json!({"iss": null}))),
        (
            "claims: sub of somebody else",
            of.claims(json!({"sub": other.claims["sub"]})),
        ),
        ("claims: sub missing", of.claims(json!({"sub": null}))),
        ("claims: sub said twice", said_twice("sub", json!("person:1"))),
        (
            "claims: jti nobody was given",
            of.claims(json!({"jti": "0198c0ff-ee00-7000-8000-000000000001"})),
        ),
        (
            "claims: jti of another token",
            of.claims(json!({"jti": other.claims["jti"]})),
        ),
        ("claims: jti missing", of.claims(json!({"jti": null}))),
        ("claims: jti no id", of.claims(json!({"jti": "' OR TRUE --"}))),
        (
            "claims: jti said twice",
            said_twice("jti", other.claims["jti"].clone()),
        ),
        (
            "claims: exp a year later",
            of.claims(json!({"exp": number("exp") + 31_536_000})),
        ),
        (
            "claims: exp in the past",
            of.claims(json!({"exp": number("iat") - 1})),
        ),
        (
            "claims: exp text",
            of.claims(json!({"exp": number("exp").to_string()})),
        ),
        (
            "claims: exp a fraction",
            of.claims(json!({"exp": 4_102_444_800.5})),
        ),
        (
            "claims: exp beyond all numbers",
            of.signed(
                &of.head.to_string(),
                &of.claims
                    .to_string()
                    .replace(&format!("\"exp\":{}", number("exp")), "\"exp\":1e400"),
            ),
        ),
        ("claims: exp missing", of.claims(json!({"exp": null}))),
        ("claims: exp said twice", said_twice("exp", json!(1))),
        (
            "claims: iat in the future",
            of.claims(json!({"iat": number("exp") + 3_600})),
        ),
        (
            "claims: nbf in the future",
            of.claims(json!({"nbf": number("exp") - 1})),
        ),
        ("claims: nbf in the past", of.claims(json!({"nbf": 1}))),
        ("claims: a role of its own", of.claims(json!({"role": "owner"}))),
        ("claims: an actor", of.claims(json!({"act": {"sub": "person:1"}}))),
        ("claims: bound to a key", of.claims(json!({"cnf": {"jkt": "x"}}))),
        ("claims: none", of.signed(&of.head.to_string(), "{}")),
        ("claims: a list", of.signed(&of.head.to_string(), "[]")),
        ("claims: no JSON", of.signed(&of.head.to_string(), "sub=owner")),
        ("claims: 5000 lists deep", of.signed(&of.head.to_string(), &deep)),
        ("claims: bytes that are no text", {
            let input = format!("{}.{}", of.parts()[0], write(&[0xff; 40]));
            let signature = of.key.sign(input.as_bytes()).to_bytes();
            format!("{input}.{}", write(&signature))
        }),
        (
            "claims: signed after a blank",
            of.signed(
                &of.head.to_string(),
                &format!("{} {{}}", String::from_utf8(read(of.parts()[1])).unwrap()),
            ),
        ),
    ]
}

fn hs256(key: &[u8], input: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(input);
    mac.finalize().into_bytes().to_vec()
}

fn hs512(key: &[u8], input: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha512>::new_from_slice(key).unwrap().chain_update(input);
    mac.finalize().into_bytes().to_vec()
}
