/// Finds the names that somebody may have meant who wrote another one.
enum NearestNames {
    /// The most names that are told.
    static let countMax = 3
    /// The most letters of a name that are compared.
    private static let lettersMax = 64

    /// The nearest of some names, the nearest first; of equals the first in the alphabet.
    static func of(_ word: String, among names: some Sequence<String>) -> [String] {
        let letters = Array(word.lowercased().unicodeScalars.prefix(lettersMax))
        let distances = names.map { name in
            (name: name, distance: distance(letters, Array(name.lowercased().unicodeScalars.prefix(lettersMax))))
        }
        return distances.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }.prefix(countMax).map(\.name)
    }

    /// How many letters have to be added, removed or replaced.
    private static func distance(_ first: [Unicode.Scalar], _ second: [Unicode.Scalar]) -> Int {
        var last = Array(0...second.count)
        for row in first.indices {
            var current = [row + 1]
            for column in second.indices {
                let replaced = last[column] + (first[row] == second[column] ? 0 : 1)
                current.append(min(replaced, last[column + 1] + 1, current[column] + 1))
            }
            last = current
        }
        return last[second.count]
    }
}
