import LastCall

/// A real program over the library, driven by real signals from the tests.
@main
struct FixtureProgram {
    static func main() async {}
}
