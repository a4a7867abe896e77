use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;
use serde_json::Value;

use crate::http::Problem;
use crate::world::World;

/// GitHub takes no App token that lives longer than this.
const MAX_LIFE_SECONDS: i64 = 10 * 60;

#[derive(Deserialize)]
struct Claims {
    iat: Option<i64>,
    exp: Option<i64>,
    /// The App's id, as number or text, or its client id.
    iss: Option<Value>,
}

/// Checks the JWT an App proves itself with (GitHub: "Generating a JSON Web Token (JWT) for a GitHub App").
pub(super) fn verify(world: &World, token: &str) -> Result<(), Problem> {
    let undecodable = || Problem::unauthorized("A JSON web token could not be decoded");
    let key = DecodingKey::from_rsa_pem(world.app.public_key_pem.as_bytes()).map_err(|_| undecodable())?;
    let mut rules = Validation::new(Algorithm::RS256);
    // The simulator's clock decides, not the machine's.
    rules.validate_exp = false;
    rules.validate_aud = false;
    rules.required_spec_claims.clear();
    let claims = decode::<Claims>(token, &key, &rules)
        .map_err(|_| undecodable())?
        .claims;
    let app = &world.app;
    let issuer = match &claims.iss {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    if issuer != app.id.to_string() && issuer != app.client_id {
        return Err(Problem::unauthorized("'Issuer' claim ('iss') must be an Integer"));
    }
    let now = world.now().as_second();
    if claims.iat.is_none_or(|iat| iat > now) {
        let message = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued";
        return Err(Problem::unauthorized(message));
    }
    match claims.exp {
        Some(exp) if exp > now + MAX_LIFE_SECONDS => Err(Problem::unauthorized(
            "'Expiration time' claim ('exp') is too far in the future",
        )),
        Some(exp) if exp > now => Ok(()),
        _ => Err(Problem::unauthorized(
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
        )),
    }
}
