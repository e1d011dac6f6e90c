/// Module `SignIn`: people sign in, and are issued tokens: the login page and its JSON side, cookies, refresh tokens.
/// May import: Configuration, Access, Tokens, HTTP, Crypto, JSON, State, Fetch, Sockets, Reason.
/// Never does: block a loop, or keep a password or a token.
