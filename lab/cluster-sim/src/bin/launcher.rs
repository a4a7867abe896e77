//! The smallest launcher: what the tests of the cluster simulator start containers with.

fn main() {
    cluster_sim::launcher_main();
    eprintln!("this program only starts containers, on behalf of the cluster simulator");
    std::process::exit(2);
}
