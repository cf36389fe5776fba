import ArgumentParser
import LastCall
import LastCallWork

/// The options by which every verb finds its store.
struct StoreOptions: ParsableArguments {
    @Option(help: "The store: sqlite:PATH. Default: the configuration's.")
    var store: String?

    @Option(help: "The configuration. Default: $LASTCALL_CONFIG, ./lastcall.yml.")
    var config: String?

    /// A store that is open, and what is known of its tasks.
    struct Opened: Sendable {
        /// What acts on it.
        let work: WorkClient
        /// The configuration, where there is one and it was read.
        let configuration: WorkConfiguration?
        /// Where the store is.
        let location: StoreLocation
    }

    /// Opens the store, does something with it, and closes it.
    ///
    /// - Parameters:
    ///   - creates: Whether a store that is not there is made.
    ///   - readsTasks: Whether the configuration is read though the store is named without it.
    func withStore(
        creates: Bool = false, readsTasks: Bool = false, _ body: (Opened) async throws -> Void
    ) async throws {
        let search = try ConfigurationSearch(store: store, config: config)
        var configuration: WorkConfiguration?
        if let file = search.file, readsTasks || search.store == nil {
            configuration = try WorkConfiguration(path: file)
        }
        guard let location = search.store ?? configuration?.store else {
            preconditionFailure("a search finds a store or a file, which names one")
        }
        let opened = try await StoreOpening.openBriefly(location, creates: creates)
        do {
            try await body(Opened(work: WorkClient(opened), configuration: configuration, location: location))
        } catch {
            await opened.close()
            throw error
        }
        await opened.close()
    }
}

extension WorkID {
    /// Reads ids from a command line.
    ///
    /// - Throws: Which of them is none.
    static func parse(_ texts: [String]) throws -> [WorkID] {
        try texts.map { text in
            guard let id = WorkID(text) else {
                throw ValidationError(
                    "\"\(text)\" is no job's id; write the number that submit or list prints, such as 17")
            }
            return id
        }
    }
}
