/// Module `State`: what outlives a process: who is signed in.
/// May import: CSQLite.
/// Never does: see a token: it is given hashes (SECURITY C-10), and what is sealed for somebody else to open.
