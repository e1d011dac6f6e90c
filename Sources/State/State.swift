/// Module `State`: what outlives a process: who is signed in.
/// May import: CSQLite.
/// Never does: see a token: it is given hashes alone (SECURITY C-10).
