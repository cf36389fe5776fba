import CLastCall
public import Synchronization

/// `Synchronization.Mutex`, with the thread sanitizer told about it.
///
/// The standard library's lock waits on a futex in code that is not instrumented; under the sanitizer every use of it from two
/// threads looks like a race. This one has the same interface, and costs two empty calls where nothing is sanitized.
///
/// It has a target of its own, which is no product, because the compiler specialises inlinable code for another module only where that code is
/// `public`, and an unspecialised lock costs more than most of what it guards.
public struct Mutex<Value: ~Copyable>: ~Copyable {
    @usableFromInline let base: Synchronization.Mutex<Value>

    /// Creates a lock around a value.
    @inlinable public init(_ value: consuming sending Value) { base = Synchronization.Mutex(value) }

    /// Runs `body` while nobody else does.
    @inlinable public borrowing func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        try base.withLock { value throws(Failure) in
            // The lock's own address names it: touching the value's would itself look like the race.
            withUnsafePointer(to: base) { sanitizerAcquired($0) }
            defer { withUnsafePointer(to: base) { sanitizerReleases($0) } }
            return try body(&value)
        }
    }
}

// Proof: the only stored property is a `Synchronization.Mutex`, which is Sendable for every value.
extension Mutex: @unchecked Sendable where Value: ~Copyable {}

/// Tells the thread sanitizer, where there is one, that the lock at an address was taken.
@usableFromInline func sanitizerAcquired(_ lock: UnsafeRawPointer) { lastcall_tsan_acquire(lock) }

/// Tells the thread sanitizer, where there is one, that the lock at an address will be given back.
@usableFromInline func sanitizerReleases(_ lock: UnsafeRawPointer) { lastcall_tsan_release(lock) }
