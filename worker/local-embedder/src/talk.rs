//! What the program says and hears: one JSON object a line. It greets first, then answers each question with one line.

use serde::{Deserialize, Serialize};

/// The first line the program says, when the model is loaded.
#[derive(Debug, Serialize, Deserialize)]
pub struct Greeting {
    pub name: String,
    pub dims: u16,
    pub checksum: String,
}

/// Texts that want vectors.
#[derive(Debug, Serialize, Deserialize)]
pub struct Question {
    pub texts: Vec<String>,
}

/// A vector for each text, in their order.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    pub vectors: Vec<Vec<f32>>,
}
