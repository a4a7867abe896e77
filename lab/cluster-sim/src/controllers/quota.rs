//! Shows what each `ResourceQuota` counts; admission itself counts anew for each object.

use std::sync::Arc;

use serde_json::Value;

use crate::admission;
use crate::kinds::named;
use crate::store::State;

pub(super) fn reconcile(state: &mut State) {
    let kind = named("ResourceQuota");
    let quotas: Vec<Arc<Value>> = state.list(kind, None).cloned().collect();
    for quota in quotas {
        let status = admission::quota::status(state, &quota);
        if quota["status"] != status {
            state.modify(kind, &quota, |quota| quota["status"] = status);
        }
    }
}
