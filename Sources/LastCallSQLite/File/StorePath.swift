#if canImport(Musl)
    import Musl
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Where a store's file is or will be: directories, links, modes and file systems, all without opening the file.
///
/// Nothing here opens an existing database: closing any descriptor of a file drops all locks that this process holds on it (fcntl(2)), those
/// of SQLite too (sqlite.org/howtocorrupt.html, 2.2).
enum StorePath {
    /// Finds the file, makes what is missing, and looks at what it lies on.
    ///
    /// - Returns: The path without links, and the medium. The file exists then, and may be empty.
    static func prepare(_ path: String) throws -> (path: String, medium: StorageMedium) {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw StoreFileError(.badPath, path: path, "The path is empty or holds a NUL byte. Name a file.")
        }
        guard !path.hasSuffix("/") else { throw notAFile(path) }
        let absolute = try absolute(path)
        if fileStatus(absolute, followsLinks: false) == nil {
            let (directory, name) = split(absolute)
            let medium = try medium(of: nearestExisting(directory), for: path)
            try makeDirectory(directory, for: path)
            let found = try real(directory, for: path) + "/" + name
            try checkDirectory(found, for: path)
            try create(found, for: path)
            return (found, medium)
        }
        let found = try real(absolute, for: path)
        try checkFile(found, for: path)
        try checkDirectory(found, for: path)
        return (found, try medium(of: found, for: path))
    }

    /// A path from the root; relative ones count from the current directory.
    private static func absolute(_ path: String) throws -> String {
        if path.hasPrefix("/") { return path }
        guard let current = getcwd(nil, 0) else {
            throw StoreFileError(.badPath, path: path, "The current directory is gone. Name an absolute path.")
        }
        defer { free(current) }
        return String(cString: current) + "/" + path
    }

    private static func split(_ path: String) -> (directory: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        let directory = path[..<slash]
        return (directory.isEmpty ? "/" : String(directory), String(path[path.index(after: slash)...]))
    }

    private static func nearestExisting(_ directory: String) -> String {
        var directory = directory
        while directory != "/" && fileStatus(directory) == nil { directory = split(directory).directory }
        return directory
    }

    private static func real(_ path: String, for asked: String) throws -> String {
        guard let found = realpath(path, nil) else {
            throw StoreFileError(
                .badPath, path: asked,
                "The path leads nowhere (\(systemMessage(errno))). Check its links and directories.")
        }
        defer { free(found) }
        let text = String(cString: found)
        return text == "/" ? "" : text
    }

    private static func medium(of path: String, for asked: String) throws -> StorageMedium {
        switch StorageMedium.verdict(path: path) {
        case .allowed(let medium): return medium
        case .refused(let name):
            throw StoreFileError(
                .fileSystem, path: asked,
                "It lies on \(name), where SQLite's locks cannot be relied on. Use a disk of this machine, or a PostgreSQL store, which several machines can share."
            )
        case nil:
            throw StoreFileError(
                .badPath, path: asked, "\(path) cannot be looked at (\(systemMessage(errno))). Check the path.")
        }
    }

    /// Makes the missing directories, for this user alone, and has the disk know of them.
    private static func makeDirectory(_ directory: String, for asked: String) throws {
        if let status = fileStatus(directory) {
            guard status.kind == S_IFDIR else {
                throw StoreFileError(.badPath, path: asked, "\(directory) is no directory. Name a file inside one.")
            }
            return
        }
        let parent = split(directory).directory
        if directory != parent { try makeDirectory(parent, for: asked) }
        guard mkdir(directory, 0o700) == 0 || errno == EEXIST else {
            throw StoreFileError(
                .notWritable, path: asked,
                "Its directory \(directory) cannot be made (\(systemMessage(errno))). Make it, or name another.")
        }
        let descriptor = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        systemClose(descriptor)
    }

    /// The log and its index are made beside the file.
    private static func checkDirectory(_ path: String, for asked: String) throws {
        let directory = split(path).directory
        guard access(directory, W_OK | X_OK) == 0 else {
            throw StoreFileError(
                .notWritable, path: asked,
                "Its directory \(directory) may not be written (\(systemMessage(errno))). SQLite keeps its log beside the file: give this user the directory, or name another."
            )
        }
    }

    /// Makes an empty file for this user alone, which the log and its index take their mode from.
    ///
    /// mknod(2) makes it without opening it: see above.
    private static func create(_ path: String, for asked: String) throws {
        guard mknod(path, S_IFREG | 0o600, 0) == 0 || errno == EEXIST else {
            let code: StoreFileError.Code = errno == ENOSPC || errno == EDQUOT ? .disk : .notWritable
            throw StoreFileError(
                code, path: asked,
                "It cannot be made (\(systemMessage(errno))). Check its directory, or name another file.")
        }
    }

    private static func checkFile(_ path: String, for asked: String) throws {
        guard let status = fileStatus(path), status.kind == S_IFREG else { throw notAFile(asked) }
        guard access(path, R_OK | W_OK) == 0 else {
            throw StoreFileError(
                .notWritable, path: asked,
                "This user may not read and write it (\(systemMessage(errno))). Check its owner and mode, and whether the disk is mounted read-only."
            )
        }
    }

    private static func notAFile(_ path: String) -> StoreFileError {
        StoreFileError(
            .notAFile, path: path,
            "It is a directory or a device. Name a file, such as \(path.hasSuffix("/") ? path : path + "/")lastcall.db."
        )
    }
}
