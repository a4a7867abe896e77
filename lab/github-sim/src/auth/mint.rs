use jiff::{SignedDuration, Timestamp};
use rand::Rng;

use crate::world::{Holder, Permissions, Token, World};

/// Installation tokens live an hour; people's stay for the life of a lab.
const INSTALLATION_LIFE: SignedDuration = SignedDuration::from_hours(1);
const PERSON_LIFE: SignedDuration = SignedDuration::from_hours(24 * 365);

/// Lengths of the three parts of the form GitHub gives out since April 2026: 520 characters with two dots.
const PARTS: [usize; 3] = [36, 392, 86];

/// Makes a token of an installation and returns it with its end.
pub(crate) fn installation_token(
    world: &mut World,
    installation_id: u64,
    permissions: Permissions,
    repository_ids: Option<Vec<u64>>,
) -> (String, Timestamp) {
    let text = format!("ghs_{}", PARTS.map(random).join("."));
    let holder = Holder::Installation {
        installation_id,
        permissions,
        repository_ids,
    };
    keep(world, text, holder, INSTALLATION_LIFE)
}

/// Makes a token with which a test or a script acts as a person.
pub(crate) fn person_token(world: &mut World, account_id: u64) -> String {
    keep(
        world,
        format!("gho_{}", random(36)),
        Holder::Person { account_id },
        PERSON_LIFE,
    )
    .0
}

fn keep(world: &mut World, text: String, holder: Holder, life: SignedDuration) -> (String, Timestamp) {
    let now = world.now();
    world.tokens.retain(|_, token| token.expires_at > now);
    let expires_at = now.saturating_add(life).unwrap_or(Timestamp::MAX);
    world.tokens.insert(text.clone(), Token { holder, expires_at });
    (text, expires_at)
}

fn random(length: usize) -> String {
    rand::rng()
        .sample_iter(rand::distr::Alphanumeric)
        .take(length)
        .map(char::from)
        .collect()
}
