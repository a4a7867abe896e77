//! Starting and stopping the server.

use std::{
    fs::{self, File},
    io,
    net::{Ipv4Addr, TcpListener},
    os::unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use secrecy::SecretString;

use crate::{
    Durability, Error, Options, Result,
    error::At,
    find,
    folder::{DataFolder, PidFile},
    initdb,
    installation::Installation,
    keeper::Keeper,
    launcher::Launcher,
    program,
    socket::SocketDir,
    stale, url,
};

/// Recovery after a crash may replay a gigabyte of log.
const READY_DEADLINE: Duration = Duration::from_mins(1);

/// The name of the socket when no TCP port is asked for; in a folder of its own it meets no other.
const SOCKET_PORT: u16 = 5432;

/// A running server. Dropping it stops the server, which may take seconds.
///
/// If this process is killed, the kernel stops the server (Linux with `setpriv`); elsewhere the next start does.
pub struct Postgres {
    // Fields drop in this order: the folder is let go when the server is gone.
    keeper: Keeper,
    socket: SocketDir,
    tcp_port: Option<u16>,
    installation: Installation,
    folder: DataFolder,
}

impl Postgres {
    /// Finds or fetches a server, makes the cluster if there is none, and returns when connections are accepted.
    ///
    /// # Errors
    ///
    /// Each [`Error`] says what to do. A data folder that another program uses is refused at once.
    pub fn start(options: &Options) -> Result<Self> {
        let folder = DataFolder::open(&options.data_dir)?;
        let cluster = folder.cluster();
        let found = folder.major()?;
        let installation = find::server(options, found.map(|major| (cluster.as_path(), major)))?;
        if let Some(found) = found.filter(|major| *major != installation.major) {
            return Err(Error::OtherMajor {
                cluster,
                found,
                server: installation.major,
            });
        }
        let launcher = Launcher::choose(&installation, &options.environment)?;
        if found.is_some() {
            stale::clear(&cluster)?;
        } else {
            initdb::run(&folder, &installation, &launcher, options.durability)?;
        }
        launcher.give(&cluster)?;
        let temporary = options
            .environment
            .get("TMPDIR")
            .map_or(Path::new("/tmp"), Path::new);
        let socket = SocketDir::ensure(folder.root(), temporary, &launcher)?;
        options.port.map_or(Ok(()), ask_for_port)?;
        let command = command(&launcher, &installation, &cluster, &socket, options);
        let keeper = launch(command, &folder, options.port)?;
        tracing::info!(
            pid = keeper.pid(),
            bin_dir = %installation.bin_dir.display(),
            data_dir = %folder.root().display(),
            "PostgreSQL is ready"
        );
        Ok(Self {
            keeper,
            socket,
            tcp_port: options.port,
            installation,
            folder,
        })
    }

    /// Returns the URL of a database, over the Unix socket and without a password. The server does not make the database:
    /// `postgres` and `template1` are there from the beginning.
    pub fn url(&self, database: &str) -> String {
        let port = self.tcp_port.map(|port| format!(":{port}")).unwrap_or_default();
        let socket = url::encode(self.socket.path().as_os_str().as_bytes());
        format!(
            "postgres://postgres@localhost{port}/{}?host={socket}",
            url::encode(database.as_bytes())
        )
    }

    /// Returns the URL of a database over TCP, with its password; `None` if no port was asked for.
    pub fn tcp_url(&self, database: &str) -> Result<Option<SecretString>> {
        let Some(port) = self.tcp_port else {
            return Ok(None);
        };
        let file = self.folder.password_file();
        let password = fs::read_to_string(&file).at("read", &file)?;
        let (password, database) = (password.trim(), url::encode(database.as_bytes()));
        Ok(Some(
            format!("postgres://postgres:{password}@127.0.0.1:{port}/{database}?sslmode=disable").into(),
        ))
    }

    /// Returns the folder of the Unix socket.
    pub fn socket_dir(&self) -> &Path {
        self.socket.path()
    }

    /// Returns the folder of the server's programs, `psql` and `pg_dump` among them if they were packaged.
    pub fn bin_dir(&self) -> &Path {
        &self.installation.bin_dir
    }

    /// Returns the file that the server writes its messages to; it begins anew at each start.
    pub fn log(&self) -> PathBuf {
        self.folder.log()
    }

    /// Returns the id of the server's first process.
    pub fn pid(&self) -> u32 {
        self.keeper.pid()
    }

    /// Tells whether the server still runs; one that crashed can be started anew after dropping this value.
    pub fn is_running(&self) -> bool {
        self.keeper.is_running()
    }

    /// Stops the server: open transactions are rolled back, what was committed is on disk.
    pub fn stop(mut self) -> Result<()> {
        self.keeper.stop()
    }
}

fn command(
    launcher: &Launcher,
    installation: &Installation,
    cluster: &Path,
    socket: &SocketDir,
    options: &Options,
) -> Command {
    let mut command = launcher.command(&installation.program("postgres"));
    command.arg("-D").arg(cluster).arg("-k").arg(socket.path());
    command.args(["-p", &options.port.unwrap_or(SOCKET_PORT).to_string()]);
    let listen = if options.port.is_some() {
        "listen_addresses=127.0.0.1"
    } else {
        "listen_addresses="
    };
    let always = [
        listen,
        "unix_socket_permissions=0700",
        "max_connections=200",
        "maintenance_work_mem=256MB",
        "timezone=UTC",
        "log_timezone=UTC",
    ];
    let throw_away = [
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "wal_level=minimal",
        "max_wal_senders=0",
        "autovacuum=off",
    ];
    let throw_away = throw_away
        .into_iter()
        .filter(|_| options.durability == Durability::ThrowAway);
    for setting in always.into_iter().chain(throw_away) {
        command.args(["-c", setting]);
    }
    command
}

/// Refuses a port that is taken, in words; the server's own are in its log only.
fn ask_for_port(port: u16) -> Result<()> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(Error::PortInUse(port)),
        Err(source) => Err(Error::Io {
            what: format!("cannot listen on port {port} of 127.0.0.1"),
            source,
        }),
    }
}

fn launch(command: Command, folder: &DataFolder, port: Option<u16>) -> Result<Keeper> {
    let path = folder.log();
    let log = File::options()
        .create(true)
        .append(true)
        .read(true)
        .mode(0o600)
        .open(&path)
        .at("open", &path)?;
    log.set_len(0).at("empty", &path)?;
    let mut reader = log.try_clone().at("open", &path)?;
    let keeper = Keeper::start(command, log).at("start the server, with its log in", &path)?;
    let end = Instant::now() + READY_DEADLINE;
    while !is_ready(&folder.cluster(), keeper.pid()) {
        let ended = !keeper.is_running();
        if ended || Instant::now() >= end {
            let log = program::tail(&mut reader).unwrap_or_default();
            return Err(failure(&log, folder, port));
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(keeper)
}

fn is_ready(cluster: &Path, pid: u32) -> bool {
    PidFile::read(cluster).is_some_and(|it| it.is_ready && it.pid.unsigned_abs() == pid)
}

/// Tells from the server's own words what a user can do about it.
fn failure(log: &str, folder: &DataFolder, port: Option<u16>) -> Error {
    let says = |words: &str| log.contains(words);
    if says("No space left on device") {
        return Error::DiskFull(folder.root().to_owned());
    }
    if let Some(port) = port.filter(|_| says("Address already in use")) {
        return Error::PortInUse(port);
    }
    let detail = program::last_words(log);
    if says("could not open file")
        || says("could not locate")
        || says("could not open directory")
        || says("PANIC:")
    {
        return Error::FolderBroken {
            cluster: folder.cluster(),
            detail,
        };
    }
    Error::StartFailed {
        log: folder.log(),
        detail,
    }
}
