//! Who may drive the simulator where agents can reach it too: whoever shows its key, in a header or in a cookie.

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};

use crate::sim::Inner;

/// Says whether a request may do what GitHub itself would ask a password for, or does not offer at all.
pub(crate) fn may_drive(sim: &Inner, headers: &HeaderMap) -> bool {
    let Some(key) = sim.control_key.as_deref() else {
        return true;
    };
    let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shown = shown.and_then(|value| value.strip_prefix("Bearer "));
    shown == Some(key) || cookie(headers, &cookie_name(sim)) == Some(key)
}

/// Returns the cookie for a browser that came with the key.
pub(crate) fn cookie_for(sim: &Inner, shown: &str) -> Option<String> {
    let name = cookie_name(sim);
    let fits = sim.control_key.as_deref() == Some(shown);
    fits.then(|| format!("{name}={shown}; Path=/; HttpOnly; SameSite=Strict"))
}

/// Browsers tell cookies apart by host and not by port, and two labs run side by side.
fn cookie_name(sim: &Inner) -> String {
    let port = sim.web.rsplit(':').next().unwrap_or_default();
    format!("github_sim_key_{port}")
}

/// Returns a cookie's value.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get(COOKIE)?.to_str().ok()?;
    let mut pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(is, _)| *is == name).map(|(_, value)| value)
}
