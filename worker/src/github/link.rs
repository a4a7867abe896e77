//! The header `link` (RFC 8288): where a list goes on.

use http::HeaderMap;
use http::header::LINK;
use url::{Url, form_urlencoded};

/// Returns path and query of the next page, if there is one. The host is left out on purpose: we go on asking where
/// we asked before, whatever the answer says.
pub(super) fn next(headers: &HeaderMap) -> Option<String> {
    let header = headers.get(LINK)?.to_str().ok()?;
    header.split('<').skip(1).find_map(|entry| {
        let (address, parameters) = entry.split_once('>')?;
        let is_next = parameters
            .split([';', ','])
            .any(|parameter| matches!(parameter.trim(), "rel=\"next\"" | "rel=next"));
        is_next
            .then(|| Url::parse(address).ok())
            .flatten()
            .map(|url| path_and_query(&url))
    })
}

pub(super) fn path_and_query(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

/// Returns the value of a parameter of a path's query.
pub(super) fn parameter(path: &str, name: &str) -> Option<String> {
    let (_, query) = path.split_once('?')?;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find_map(|(found, value)| (found == name).then(|| value.into_owned()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::middle(
        r#"<https://h/r/1/c?page=1>; rel="prev", <https://h/r/1/c?page=3>; rel="next", <https://h/r/1/c?page=9>; rel="last""#,
        Some("/r/1/c?page=3")
    )]
    #[case::last(
        r#"<https://h/r?page=1>; rel="first", <https://h/r?page=8>; rel="prev""#,
        None
    )]
    #[case::comma_in_the_address(r#"<https://h/r?x=1,2&page=2>; rel="next""#, Some("/r?x=1,2&page=2"))]
    #[case::nonsense("next please", None)]
    fn the_next_page_is_found(#[case] header: &str, #[case] expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        headers.insert(LINK, header.parse().expect("a header"));
        assert_eq!(next(&headers).as_deref(), expected);
    }

    #[test]
    fn a_list_without_links_is_whole() {
        assert_eq!(next(&HeaderMap::new()), None);
    }
}
