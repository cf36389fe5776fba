/// What reading a file gave: services that are understood, and what is not.
struct FileReading: Sendable {
    /// The services, in the order of the file.
    var services: [DeclaredService] = []
    /// What could not be understood.
    var failures: [CheckError] = []

    /// Adds what `read` returns, or why it could not.
    ///
    /// - Parameter names: What `--service` would call the service; an error about a service nobody asked for is dropped.
    mutating func add(named names: [String], _ read: () throws(CheckError) -> DeclaredService) {
        do {
            services.append(try read())
        } catch {
            addFailure(error, about: names)
        }
    }

    /// Adds an error about one service.
    mutating func addFailure(_ failure: CheckError, about names: [String]) {
        var failure = failure
        failure.serviceNames = names
        failures.append(failure)
    }
}
