"""The text face of the feed: what a language model in either role is asked, and how its reply is read."""

from populace.dialogue import Chat, ReplyKind
from populace.replies import ask, choice, fill, plain, understood

TASKS = {
    "feed": "You choose news for one reader. Reply with the slant of the article to show, and nothing else.",
    "reader": "You read the news. Reply `yes` to open the article or `no` to pass it by, and nothing else.",
}


class FeedDialogue:
    """Both roles choose among a few words."""

    def __init__(self, slants):
        self.slants = slants

    def say(self, observation):
        """One chat for every seat."""
        role = observation.role.name
        options = self.slants if role == "feed" else ("no", "yes")

        def chat(seen, world, seat):
            text = f"The opinion of the reader is {seen['opinion'][world, seat]:+.2f}, from -1 (left) to +1 (right)."
            if role == "reader":
                text += f" The article's slant is {self.slants[seen['article'][world, seat]]}."
            text += f" Choose: {', '.join(options)}."
            return Chat(world, seat, (("system", TASKS[role]), ("user", text)), options=options)

        return ask(observation, chat)

    def hear(self, observation, chats, replies):
        """The option that a reply states; a refusal, or what states none of them, forfeits."""
        (field,) = observation.role.done_in(observation.phase)

        def read(chat, reply):
            found = understood(reply, lambda said: choice(plain(said), chat.options))
            return found if isinstance(found, ReplyKind) else {field.name: found}

        return fill(observation, chats, replies, read)
