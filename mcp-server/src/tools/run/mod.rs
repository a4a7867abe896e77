//! Runs, as staff see and steer them.

mod act;
mod follow;
mod read;
mod show;

pub(crate) use self::show::one as show_run;
use crate::tool::Catalogue;

pub(super) fn tools(catalogue: Catalogue) -> Catalogue {
    let catalogue = act::tools(catalogue);
    let catalogue = read::tools(catalogue);
    follow::tools(catalogue)
}
