//! Who is in an organisation or team, as its installation is told.

use orchestrator::ports::code_host::{CodeHostError, HostMemberPage};
use orchestrator::ports::identity::Group;

use super::call::Call;
use super::connection::{Connection, parse};
use super::token::{Grant, Scope};
use super::{Result, link, path, refusal, wire};

/// The installation on the organisation is looked up with each page: it may have been suspended meanwhile.
pub(super) async fn page(
    connection: &Connection,
    group: &Group,
    page: Option<&str>,
) -> Result<HostMemberPage> {
    let org = path::segment(&group.org);
    let app = connection.begin_as_app();
    let call = Call::get(
        "find_organisation_installation",
        format!("/orgs/{org}/installation"),
        format!("installation on the organisation {}", group.org),
    );
    let installation: wire::Installation = app
        .ask(&call)
        .await
        .map_err(|error| not_installed(error, group))?;
    let usable = installation.id.filter(|_| installation.suspended_at.is_none());
    let scope = Scope {
        installation_id: usable.ok_or_else(|| refused("the installation is suspended", group))?,
        github_repository_id: None,
        grant: Grant::Members,
    };
    let list = match &group.team {
        None => format!("/orgs/{org}/members"),
        Some(team) => format!("/orgs/{org}/teams/{}/members", path::segment(team)),
    };
    let number = page.map(|page| format!("&page={}", path::segment(page)));
    let call = Call::get(
        "list_members",
        format!("{list}?per_page=100{}", number.unwrap_or_default()),
        format!("members of {}", name(group)),
    );
    let answer = match app.within(scope).send(&call).await {
        // With the right to read members, GitHub hides no team: it was deleted.
        Err(CodeHostError::NotFound(_)) if group.team.is_some() => return Ok(HostMemberPage::default()),
        answer => answer?,
    };
    let accounts: Vec<wire::Account> = parse(&call, &answer)?;
    // What cannot be read is no proof that somebody left.
    let unreadable = |what| refusal::unreadable(&call, what);
    let members: Option<Vec<_>> = accounts.into_iter().map(wire::Account::known).collect();
    let next = link::next(&answer.headers).map(|path| {
        let page = link::parameter(&path, "page");
        page.ok_or_else(|| unreadable("a next page without its number"))
    });
    Ok(HostMemberPage {
        members: members.ok_or_else(|| unreadable("a member without id or login"))?,
        next: next.transpose()?,
    })
}

fn not_installed(error: CodeHostError, group: &Group) -> CodeHostError {
    match error {
        CodeHostError::NotFound(_) => refused("the App is not installed there", group),
        other => other,
    }
}

fn refused(why: &str, group: &Group) -> CodeHostError {
    CodeHostError::Refused {
        status: http::StatusCode::NOT_FOUND.as_u16(),
        message: format!(
            "members of {} cannot be read: {why}; install the App on the organisation with Members: read",
            name(group)
        ),
    }
}

fn name(group: &Group) -> String {
    match &group.team {
        None => group.org.clone(),
        Some(team) => format!("{}/{team}", group.org),
    }
}
