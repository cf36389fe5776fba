#if canImport(Musl)
    import Musl
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Which files a store has open: a store's file and its write-ahead log.
///
/// A file that is deleted while it is open goes on working for those who have it open, and for nobody else: what is accepted then is lost with
/// the last of them. A log that is deleted takes with it what was not yet brought back into the file (sqlite.org/howtocorrupt.html, 1.4 and 4).
struct OpenFiles: Sendable {
    /// A file and what tells it from another one of its name.
    private struct Identity: Sendable {
        /// The path.
        let path: String
        /// Its file system.
        let device: dev_t
        /// Its number there.
        let number: ino_t
    }

    /// The store's path.
    private let path: String
    private let files: [Identity]

    /// Remembers the files as they are, after they were opened.
    init(_ path: String) throws {
        self.path = path
        var files: [Identity] = []
        for name in [path, path + "-wal"] {
            guard let status = fileStatus(name) else { continue }
            files.append(Identity(path: name, device: status.st_dev, number: status.st_ino))
        }
        self.files = files
        guard files.first?.path == path else { throw gone(path) }
    }

    /// Makes sure that the files are still those that are open.
    ///
    /// - Throws: ``StoreFileError/Code/gone``.
    func check() throws {
        for file in files {
            guard let status = fileStatus(file.path) else {
                // Whoever may not look does not know.
                guard errno == ENOENT || errno == ENOTDIR else { continue }
                throw gone(file.path)
            }
            guard status.st_dev == file.device, status.st_ino == file.number else { throw gone(file.path) }
        }
    }

    /// Whether the files are still those that are open.
    var areThere: Bool {
        do {
            try check()
            return true
        } catch {
            // What is wrong, whoever uses them next is told.
            return false
        }
    }

    private func gone(_ file: String) -> StoreFileError {
        StoreFileError(
            .gone, path: path,
            "\(file == path ? "The file" : "Its log") was deleted, moved or replaced while it was open, so that nothing can be kept in it any more. Stop everybody who uses it, restore a backup or remove what is left, and start again."
        )
    }
}
