import CLastCall

/// The environment of this process.
public enum ProcessEnvironment {
    /// The environment as it was when it was first asked for.
    ///
    /// Read once: `environ` is not safe to walk while another thread calls `setenv`.
    public static let current: [String: String] = {
        var result: [String: String] = [:]
        var index = 0
        guard let list = lastcall_environment() else { return result }
        while let entry = list[index] {
            let text = String(cString: entry)
            index += 1
            guard let equals = text.firstIndex(of: "=") else { continue }
            result[String(text[..<equals])] = String(text[text.index(after: equals)...])
        }
        return result
    }()
}
