use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::jwt;
use crate::http::Problem;
use crate::world::{Holder, Permissions, World};

/// Whoever sent a request.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    Nobody,
    App,
    Installation {
        id: u64,
        /// The App's bot, in whose name the installation writes.
        bot_id: u64,
        permissions: Permissions,
        repository_ids: Option<Vec<u64>>,
    },
    Person {
        account_id: u64,
    },
}

impl Caller {
    /// Returns the account that is named as the author of what the caller writes.
    pub(crate) fn account_id(&self) -> u64 {
        match self {
            Self::Installation { bot_id, .. } => *bot_id,
            Self::Person { account_id } => *account_id,
            Self::Nobody | Self::App => 0,
        }
    }

    /// Returns what the primary rate limit is counted under.
    pub(crate) fn window(&self) -> Option<String> {
        match self {
            Self::Installation { id, .. } => Some(format!("installation:{id}")),
            Self::Person { account_id } => Some(format!("person:{account_id}")),
            Self::Nobody | Self::App => None,
        }
    }

    /// Says for the log who it was, without a secret.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Nobody => "nobody".to_owned(),
            Self::App => "app".to_owned(),
            Self::Installation {
                id,
                repository_ids: Some(ids),
                ..
            } => format!("installation:{id} {ids:?}"),
            Self::Installation { .. } | Self::Person { .. } => self.window().unwrap_or_default(),
        }
    }
}

/// Finds out who shows this `authorization` header. Nothing shown is nobody; something wrong is refused.
pub(crate) fn identify(world: &mut World, header: Option<&str>) -> Result<Caller, Problem> {
    let Some(header) = header else {
        return Ok(Caller::Nobody);
    };
    let Some((scheme, credential)) = header.split_once(' ') else {
        return Err(Problem::unauthorized("Bad credentials"));
    };
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" | "token" if credential.starts_with("eyJ") => {
            jwt::verify(world, credential).map(|()| Caller::App)
        }
        "bearer" | "token" => from_token(world, credential),
        "basic" => from_basic(world, header),
        _ => Err(Problem::unauthorized("Bad credentials")),
    }
}

/// Reads git's way of showing a token: any name, the token as password.
pub(crate) fn from_basic(world: &mut World, header: &str) -> Result<Caller, Problem> {
    let refused = || Problem::unauthorized("Bad credentials");
    let pair = header
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
    let decoded = pair
        .and_then(|(_, text)| STANDARD.decode(text.trim()).ok())
        .ok_or_else(refused)?;
    let decoded = String::from_utf8(decoded).map_err(|_| refused())?;
    let (_, token) = decoded.split_once(':').ok_or_else(refused)?;
    from_token(world, token)
}

fn from_token(world: &mut World, token: &str) -> Result<Caller, Problem> {
    let now = world.now();
    let held = world.tokens.get(token).filter(|held| held.expires_at > now);
    let held = held.ok_or_else(|| Problem::unauthorized("Bad credentials"))?;
    match held.holder.clone() {
        Holder::Person { account_id } => Ok(Caller::Person { account_id }),
        Holder::Installation {
            installation_id,
            permissions,
            repository_ids,
        } => {
            let installation = world.installations.get(&installation_id);
            let installation = installation.ok_or_else(|| Problem::unauthorized("Bad credentials"))?;
            if installation.suspended_at.is_some() {
                let message = "This installation has been suspended";
                return Err(Problem::new(http::StatusCode::FORBIDDEN, message));
            }
            let bot_id = world.app.bot_id;
            Ok(Caller::Installation {
                id: installation_id,
                bot_id,
                permissions,
                repository_ids,
            })
        }
    }
}
