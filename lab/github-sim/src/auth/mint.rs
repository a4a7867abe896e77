use jiff::{SignedDuration, Timestamp};
use rand::Rng;

use crate::world::{Holder, LoginCode, Permissions, Token, World};

/// Installation tokens live an hour; people's stay for the life of a lab.
const INSTALLATION_LIFE: SignedDuration = SignedDuration::from_hours(1);
const PERSON_LIFE: SignedDuration = SignedDuration::from_hours(24 * 365);
/// What a sign-in gives lives eight hours; its code ten minutes.
const USER_LIFE: SignedDuration = SignedDuration::from_hours(8);
const CODE_LIFE: SignedDuration = SignedDuration::from_mins(10);

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

/// Makes the tokens of an App's user, as a sign-in gives them: access and refresh.
pub(crate) fn user_tokens(world: &mut World, account_id: u64) -> (String, String) {
    let text = format!("ghu_{}", random(36));
    let access = keep(world, text, Holder::Person { account_id }, USER_LIFE).0;
    (access, format!("ghr_{}", random(76)))
}

/// Makes a one-use code of a sign-in.
pub(crate) fn login_code(world: &mut World, code: impl FnOnce(Timestamp) -> LoginCode) -> String {
    let now = world.now();
    world.login_codes.retain(|_, code| code.expires_at > now);
    let text = random(20);
    let expires_at = now.saturating_add(CODE_LIFE).unwrap_or(Timestamp::MAX);
    world.login_codes.insert(text.clone(), code(expires_at));
    text
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
