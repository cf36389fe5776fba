import FoundationEssentials
import LastCall

/// Where a verb's configuration and store come from: `--store`, `--config`, `$LASTCALL_CONFIG`, `./lastcall.yml`, in this order.
///
/// `--store` decides about the store alone: the tasks still come from the first file of the other three.
struct ConfigurationSearch: Sendable, Hashable {
    /// The store that `--store` names, which wins over the file's.
    let store: StoreLocation?
    /// The file, where there is one.
    let file: String?

    /// The files that are looked for where nobody names one, the first first.
    static let fileNames = ["lastcall.yml", "lastcall.yaml"]

    /// Finds the configuration.
    ///
    /// - Parameters:
    ///   - store: The value of `--store`; a relative path counts from `directory`.
    ///   - config: The value of `--config`, or the file that a verb takes as its argument.
    ///   - option: What `config` was given as, for errors.
    ///   - isFile: Whether there is something to read at a path.
    /// - Throws: What was looked for, where neither a store nor a file was found; which name leads nowhere.
    init(
        store: String? = nil, config: String? = nil, option: String = "--config",
        environment: [String: String] = ProcessEnvironment.current, directory: BaseDirectory = .current,
        isFile: (String) -> Bool = { FileManager.default.fileExists(atPath: $0) }
    ) throws(ConfigurationErrors) {
        self.store = try store.map { text throws(ConfigurationErrors) in try Self.store(text, in: directory) }
        let variable = EnvironmentSettings(environment).text(.config)
        if let named = config.map({ ($0, option) }) ?? variable.map({ ($0, "$\(EnvironmentKey.config.rawValue)") }) {
            guard named.0 == "-" || isFile(directory.path(to: named.0)) else {
                throw Self.error(
                    key: named.1, value: named.0,
                    named.0.isEmpty ? "is empty; name a file" : "does not exist; name a configuration, or create it")
            }
            file = named.0
            return
        }
        file = Self.fileNames.first { isFile(directory.path(to: $0)) }
        guard self.store != nil || file != nil else {
            throw Self.error(
                "no configuration was found: name a store with --store sqlite:PATH, or a file with --config FILE or "
                    + "$\(EnvironmentKey.config.rawValue), or write ./\(Self.fileNames[0]) (or .yaml) in \(directory.path)"
            )
        }
    }

    private static func store(
        _ text: String, in directory: BaseDirectory
    ) throws(ConfigurationErrors) -> StoreLocation {
        do {
            return try StoreLocation(text, in: directory)
        } catch {
            throw Self.error(key: "--store", value: error.shown, error.message)
        }
    }

    private static func error(key: String? = nil, value: String? = nil, _ message: String) -> ConfigurationErrors {
        ConfigurationErrors(errors: [
            ConfigurationError(
                code: key == "--store" ? .invalidValue : .unreadable, key: key, value: value, message: message)
        ])
    }
}
