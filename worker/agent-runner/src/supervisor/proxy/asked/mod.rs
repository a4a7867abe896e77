//! What a request may ask of the model: nothing that is paid for and not counted here.

mod messages;
mod responses;

use contract::runner::Api;

/// A request, judged.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) model: String,
    /// Why the request is refused, if it is.
    pub(super) fault: Option<String>,
}

impl Asked {
    /// Reads a request of this API. A field that comes twice is no request.
    pub(super) fn read(api: Api, body: &[u8]) -> serde_json::Result<Self> {
        match api {
            Api::Responses => serde_json::from_slice::<responses::Asked>(body).map(|asked| Self {
                fault: asked.fault(),
                model: asked.model,
            }),
            Api::Messages => serde_json::from_slice::<messages::Asked>(body).map(|asked| Self {
                fault: asked.fault(),
                model: asked.model,
            }),
        }
    }
}
