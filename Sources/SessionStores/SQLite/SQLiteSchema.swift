import GRDB

/// What the database is made of. A migration that has been released is never changed: another is added behind it.
enum SQLiteSchema {
    /// "SLDG", so that no other program's database is taken for ours, by us or by `file`.
    static let applicationID: Int64 = 0x534C_4447

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 sessions and revocations") { database in
            try database.execute(
                sql: """
                    PRAGMA application_id = \(applicationID);

                    -- One row a session, as in `Session`; instants are seconds since 1970.
                    CREATE TABLE session (
                        number INTEGER PRIMARY KEY,
                        id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
                        subject TEXT NOT NULL,
                        device_id TEXT,
                        device_name TEXT,
                        application TEXT,
                        created_at INTEGER NOT NULL,
                        last_used_at INTEGER NOT NULL,
                        address TEXT NOT NULL,
                        counter INTEGER NOT NULL,
                        rotated_at INTEGER NOT NULL,
                        expires_at INTEGER NOT NULL,
                        ends_at INTEGER,
                        ended_at INTEGER,
                        end_reason TEXT,
                        claims BLOB NOT NULL,
                        CHECK ((ended_at IS NULL) = (end_reason IS NULL))
                    ) STRICT;
                    CREATE INDEX session_subject ON session (subject, created_at);
                    CREATE INDEX session_expiry ON session (expires_at);
                    CREATE INDEX session_end ON session (ended_at) WHERE ended_at IS NOT NULL;

                    -- Numbers only grow, also after rows have gone: whoever polls asks for those above the last that it saw.
                    -- `kind` is the claim that `name` is a value of; `before` is of `sub` alone.
                    CREATE TABLE revocation (
                        number INTEGER PRIMARY KEY AUTOINCREMENT,
                        kind TEXT NOT NULL CHECK (kind IN ('jti', 'sid', 'sub')),
                        name TEXT NOT NULL,
                        before INTEGER,
                        expires_at INTEGER NOT NULL,
                        CHECK ((kind = 'sub') = (before IS NOT NULL))
                    ) STRICT;
                    CREATE UNIQUE INDEX revocation_name ON revocation (kind, name);
                    CREATE INDEX revocation_expiry ON revocation (expires_at);

                    -- One row a gateway that has the database open, or ended without closing it (see `GatewayTable`).
                    CREATE TABLE gateway (
                        slot INTEGER PRIMARY KEY,
                        settled_at INTEGER NOT NULL
                    ) STRICT;
                    """)
        }
        return migrator
    }
}
