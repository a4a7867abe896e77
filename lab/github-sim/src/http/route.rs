use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{Answer, Call, Reply};
use crate::world::{Level, Role};

/// Who may ask for an operation.
#[derive(Clone, Copy)]
pub(crate) enum Need {
    Anyone,
    /// The App itself, by its JWT.
    App,
    /// Any installation token.
    Installation,
    /// A person's token.
    Person,
    /// A token with one of these permissions, or a person with this role, in the repository of the path.
    Repository(&'static [(&'static str, Level)], Role),
}

pub(crate) type Handler = Arc<dyn Fn(Call) -> BoxFuture<'static, Answer> + Send + Sync>;

/// One operation, named as GitHub's OpenAPI names it.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) method: &'static str,
    /// The path as in the contract: `{name}` is one segment, the last one may be `{name...}` and take the rest.
    pub(crate) path: &'static str,
    pub(crate) need: Need,
    pub(crate) handler: Handler,
}

impl Route {
    /// Returns the operation's name in the contract slice.
    pub(crate) fn operation(&self) -> String {
        format!("{} {}", self.method, self.path.replace("...}", "}"))
    }

    fn params(&self, segments: &[String]) -> Option<BTreeMap<&'static str, String>> {
        let mut params = BTreeMap::new();
        let mut given = segments.iter();
        let pattern: Vec<_> = self.path.split('/').skip(1).collect();
        for (at, part) in pattern.iter().enumerate() {
            if let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix("...}")) {
                params.insert(name, segments.get(at..)?.join("/"));
                return Some(params);
            }
            let segment = given.next()?;
            match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                Some(name) => drop(params.insert(name, segment.clone())),
                None if part == segment => {}
                None => return None,
            }
        }
        given.next().is_none().then_some(params)
    }
}

/// Makes a route of a function that needs no waiting.
pub(crate) fn now(method: &'static str, path: &'static str, need: Need, f: fn(&Call) -> Answer) -> Route {
    let handler: Handler = Arc::new(move |call| Box::pin(std::future::ready(f(&call))));
    Route {
        method,
        path,
        need,
        handler,
    }
}

/// Makes a route of a function that never refuses.
pub(crate) fn always(method: &'static str, path: &'static str, need: Need, f: fn(&Call) -> Reply) -> Route {
    let handler: Handler = Arc::new(move |call| Box::pin(std::future::ready(Ok(f(&call)))));
    Route {
        method,
        path,
        need,
        handler,
    }
}

/// Makes a route of a function that asks git.
pub(crate) fn later<F, W>(method: &'static str, path: &'static str, need: Need, f: F) -> Route
where
    F: Fn(Call) -> W + Send + Sync + 'static,
    W: Future<Output = Answer> + Send + 'static,
{
    let handler: Handler = Arc::new(move |call| Box::pin(f(call)));
    Route {
        method,
        path,
        need,
        handler,
    }
}

/// Undoes percent-encoding; what is no valid UTF-8 then becomes a replacement character.
pub(crate) fn decode(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = tail
            .get(..2)
            .filter(|_| first == b'%')
            .and_then(|pair| hex::decode(pair).ok());
        bytes.push(code.as_ref().map_or(first, |code| code[0]));
        rest = if code.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Finds the route for a path and its parameters; the first that fits is meant.
pub(crate) fn find<'a>(
    routes: &'a [Route],
    method: &str,
    path: &str,
) -> Option<(&'a Route, BTreeMap<&'static str, String>)> {
    let segments: Vec<String> = path.split('/').skip(1).map(decode).collect();
    routes
        .iter()
        .filter(|route| route.method == method)
        .find_map(|route| route.params(&segments).map(|params| (route, params)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_first_route_and_undoes_escapes() {
        let nothing: fn(&Call) -> Answer = |_| Ok(Reply::no_content());
        let routes = [
            now(
                "GET",
                "/repos/{owner}/{repo}/labels/{name}",
                Need::Anyone,
                nothing,
            ),
            now(
                "GET",
                "/repos/{owner}/{repo}/contents/{path...}",
                Need::Anyone,
                nothing,
            ),
        ];
        let (_, params) = find(&routes, "GET", "/repos/a/b/labels/run%3Adev%2B").expect("a label");
        assert_eq!(params["name"], "run:dev+");
        let (route, params) = find(&routes, "GET", "/repos/a/b/contents/src/lib.rs").expect("a file");
        assert_eq!(params["path"], "src/lib.rs");
        assert_eq!(route.operation(), "GET /repos/{owner}/{repo}/contents/{path}");
        assert!(find(&routes, "GET", "/repos/a/b/labels").is_none());
        assert!(find(&routes, "POST", "/repos/a/b/labels/x").is_none());
    }
}
