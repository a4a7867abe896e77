# What the demo's agent does: a small change, committed, and a file left for the runner to commit.
set -eu
echo "working on it"
{ echo; echo "## Greeting"; echo; echo "Hello from an agent, run $CODEXK8S_RUN_ID."; } >> README.md
git add README.md
git commit -q -m "Add a greeting"
printf 'Hello.\n' > GREETING.md
printf '{"message": "I added a greeting to the README and a file with it."}' > "$CODEXK8S_RESULT_FILE"
