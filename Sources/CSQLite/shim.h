#ifndef PORTCULLIS_CSQLITE_H
#define PORTCULLIS_CSQLITE_H
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

/* SQLITE_TRANSIENT, which makes SQLite copy the bytes, is a cast that Swift does not import. */
static inline int portcullis_sqlite3_bind_text(sqlite3_stmt *statement, int index, const char *text, int count) {
  return sqlite3_bind_text(statement, index, text, count, SQLITE_TRANSIENT);
}

static inline int portcullis_sqlite3_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, int count) {
  return sqlite3_bind_blob(statement, index, bytes, count, SQLITE_TRANSIENT);
}

/* A function with variable arguments. No views or triggers that somebody planted are run with functions that act. */
static inline int portcullis_sqlite3_be_defensive(sqlite3 *connection) {
  int code = sqlite3_db_config(connection, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
  if (code != SQLITE_OK) return code;
  return sqlite3_db_config(connection, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)0);
}

/* A descriptor that stands for a file, also for a link, without opening it. Whatever else a process opens of a file
   takes all its locks on it along when it is closed, SQLite's too (fcntl). With _GNU_SOURCE it is O_PATH. */
static inline int portcullis_look_at(const char *path) { return open(path, __O_PATH | O_NOFOLLOW | O_CLOEXEC); }

/* Of what `portcullis_look_at` has found. With _GNU_SOURCE the flag is AT_EMPTY_PATH. */
static inline int portcullis_change_owner(int file, uid_t user, gid_t group) {
  return fchownat(file, "", user, group, 0x1000);
}
#endif
