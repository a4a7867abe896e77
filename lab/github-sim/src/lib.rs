//! GitHub as the platform meets it: REST, App auth, webhooks and a real git remote. Development only.
