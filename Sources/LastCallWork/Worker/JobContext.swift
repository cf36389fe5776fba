/// What a running job knows and can say.
public final class JobContext: Sendable {}
