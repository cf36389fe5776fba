import CLastCall

/// What a store's file lies on.
public enum StorageMedium: Sendable, Hashable {
    /// A disk of this machine.
    case durable
    /// Something that goes with the container or the machine; the reason is a sentence's end, such as "kept until this container is
    /// deleted".
    case ephemeral(reason: String)

    /// What to think of a file system.
    enum Verdict: Equatable {
        /// It may hold a store.
        case allowed(StorageMedium)
        /// It may not: its locks or its shared memory do not hold what SQLite's log needs.
        case refused(name: String)
    }

    /// What to think of a file system, by its magic number (statfs(2), linux/magic.h).
    ///
    /// A write-ahead log needs memory that all its processes share, and locks that work, which network file systems and what is behind FUSE do not
    /// promise (sqlite.org/wal.html).
    static func verdict(magic: Int64) -> Verdict {
        switch UInt32(truncatingIfNeeded: magic) {
        case 0x6969: .refused(name: "NFS")
        case 0x517B: .refused(name: "SMB")
        case 0xFF53_4D42: .refused(name: "CIFS")
        case 0xFE53_4D42: .refused(name: "SMB2")
        case 0x6573_5546: .refused(name: "FUSE")
        case 0x0102_1997: .refused(name: "9p")
        case 0x00C3_6400: .refused(name: "Ceph")
        case 0x0BD0_0BD0: .refused(name: "Lustre")
        case 0x5346_414F, 0x6B41_4653: .refused(name: "AFS")
        case 0x7375_7245: .refused(name: "Coda")
        case 0x786F_4256: .refused(name: "a VirtualBox shared folder")
        case 0x794C_7630, 0x6175_6673:
            .allowed(.ephemeral(reason: "it lies in a container's own layer: kept until this container is deleted"))
        case 0x0102_1994, 0x8584_58F6:
            .allowed(.ephemeral(reason: "it lies in memory: kept until this machine or container is stopped"))
        default: .allowed(.durable)
        }
    }

    /// What to think of the file system that holds a path; `nil` with errno.
    static func verdict(path: String) -> Verdict? {
        let magic = lastcall_file_system(path)
        return magic < 0 ? nil : verdict(magic: magic)
    }
}
