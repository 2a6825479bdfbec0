"""The text face of the feed: what a language model in either role is asked, and how its reply is read."""

import torch

from populace.dialogue import Chat, ReplyKind

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
        role, opinion = observation.role.name, observation["opinion"]
        options = self.slants if role == "feed" else ("no", "yes")
        chats = []
        for world, seat in torch.ones_like(opinion, dtype=torch.bool).nonzero().tolist():
            text = f"The opinion of the reader is {opinion[world, seat]:+.2f}, from -1 (left) to +1 (right)."
            if role == "reader":
                text += f" The article's slant is {self.slants[observation['article'][world, seat]]}."
            text += f" Choose: {', '.join(options)}."
            chats.append(Chat(world, seat, (("system", TASKS[role]), ("user", text)), options=options))
        return chats

    def hear(self, observation, chats, replies):
        """A reply that is none of the options forfeits."""
        (field,) = observation.role.done_in(observation.phase)
        acts = field.empty(*observation["opinion"].shape)
        kinds = torch.zeros(acts.shape, dtype=torch.int8)
        for chat, reply in zip(chats, replies, strict=True):
            said, place = reply.strip(" \n.`'\"").lower(), (chat.world, chat.seat)
            if said in chat.options:
                acts[place] = chat.options.index(said)
            else:
                kinds[place] = ReplyKind.UNREADABLE
        device = observation["opinion"].device
        return {field.name: acts.to(device)}, kinds.to(device)
