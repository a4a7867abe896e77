#!/bin/sh
# Git's hook `update` (ref, old, new): refuses a ref whose new commits touch workflows, in GitHub's words.
case "$3" in *[!0]*) ;; *) exit 0 ;; esac
path=$(git log -m --format= --name-only "$3" --not --all -- .github/workflows | head -n 1)
[ -z "$path" ] && exit 0
echo "refusing to allow a GitHub App to create or update workflow \`$path\` without \`workflows\` permission" >&2
exit 1
