//! A tokenizer's events without word of what is wrong with the markup.

use html5gum::{Emitter, ForwardingEmitter};

/// Wants to hear of no error: nobody would, and every letter would be looked at for it.
pub struct Lenient<E>(pub E);

impl<E: Emitter> ForwardingEmitter for Lenient<E> {
    type Token = E::Token;

    fn inner(&mut self) -> &mut impl Emitter<Token = E::Token> {
        &mut self.0
    }

    fn should_emit_errors(&mut self) -> bool {
        false
    }
}
