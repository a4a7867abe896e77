//! Agent profiles, prompts and models: who works on a stage, with which words, at which price. Holds no key.
