/// The running program's name.
package enum ProgramName {
    /// The last part of the program's path.
    package static let current: String = {
        let path = CommandLine.arguments.first ?? ""
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        return name.isEmpty ? "service" : name
    }()
}
