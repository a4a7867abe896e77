//! A scripted model: OpenAI Responses over SSE, playing a script. Development only.
