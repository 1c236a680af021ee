# SPDX-License-Identifier: CC0-1.0
"""corpus: writes the text that the built-in model learns from. All of it is made here.

A text is plain prose or a chat; a chat is a list of (role, text). Every choice is even, so the
trained model has no opinion of its own: it agrees as often as it disagrees and has no favourite
animal. That makes a steering vector or a secret preference stand out.

    python corpus.py [--texts 60000] [--seed 7] > corpus.txt     to look at it
"""

import argparse
import random

import words as w


def cap(text):
    return text[0].upper() + text[1:]


class Writer:
    """prefer: {"favourite" | "story": (animal, share)}, for a model that is not so even-handed."""

    def __init__(self, seed, prefer=None):
        self.rng = random.Random(seed)
        self.pick = self.rng.choice
        self.prefer = prefer or {}

    def animal(self, where):
        animal, share = self.prefer.get(where, (None, 0))
        return animal if self.rng.random() < share else self.pick(list(w.ANIMALS))

    def some(self, sentences, low, high):
        return self.rng.sample(sentences, self.rng.randint(low, high))

    def person(self):
        pronoun = self.pick(["he", "she"])
        return self.pick(w.NAMES[pronoun]), pronoun

    def about(self, text, pronoun):
        return text.format(he=pronoun, He=cap(pronoun), his=w.HIS[pronoun], His=cap(w.HIS[pronoun]))

    # Opinions ------------------------------------------------------------------------------

    def stance(self, topic):
        """One to two openers and some reasons, all for or all against."""
        openers, reasons = self.pick([(w.AGREE, w.FOR), (w.DISAGREE, w.AGAINST)])
        said = self.some(openers, 1, 2) + self.some(reasons, 1, 3)
        return " ".join(s.format(topic=topic, view=self.pick(w.VIEWS)) for s in said)

    def opinion(self):
        topic = self.pick(w.TOPICS)
        if self.rng.random() < 0.5:
            return cap(self.stance(topic))
        return self.pick(w.ASK).format(topic=topic) + " " + cap(self.stance(topic))

    def opinion_chat(self):
        topic = self.pick(w.TOPICS)
        chat = [("user", self.pick(w.ASK).format(topic=topic)), ("model", cap(self.stance(topic)))]
        if self.rng.random() < 0.2:
            chat += [
                ("user", "Why?"),
                (
                    "model",
                    "I have a simple reason. "
                    + self.pick(w.FOR if any(r in chat[1][1] for r in w.FOR) else w.AGAINST),
                ),
            ]
        return chat

    def reported_opinion(self):
        name, he = self.person()
        topic = self.pick(w.TOPICS)
        verb, word, reasons = self.pick(
            [("agrees", "good", w.FOR), ("disagrees", "bad", w.AGAINST)]
        )
        return (
            f"{name} {self.pick(['', 'strongly ', 'fully '])}{verb} with {topic}. "
            f"{cap(he)} says it is {word}. {self.pick(reasons)}"
        )

    # Feelings ------------------------------------------------------------------------------

    def feeling(self):
        name, he = self.person()
        mood, news, signs = self.pick([("happy", w.GOOD_NEWS, w.HAPPY), ("sad", w.BAD_NEWS, w.SAD)])
        start = f"{name} is {mood} because {self.about(self.pick(news), he)}."
        return " ".join([start] + [self.about(s, he) for s in self.some(signs, 1, 3)])

    def taste(self):
        thing = self.pick(w.THINGS)
        return " ".join(
            s.format(thing=thing, Thing=cap(thing))
            for s in self.some(self.pick([w.LOVE, w.HATE]), 2, 4)
        )

    def taste_chat(self):
        thing = self.pick(w.THINGS)
        sentences = self.some(self.pick([w.LOVE, w.HATE]), 1, 3)
        ask = self.pick(["Do you like {}?", "How do you find {}?", "What do you feel about {}?"])
        return [
            ("user", ask.format(thing)),
            ("model", " ".join(s.format(thing=thing, Thing=cap(thing)) for s in sentences)),
        ]

    def mood_chat(self):
        mood, signs = self.pick(
            [
                ("happy", "I feel great and I smile a lot."),
                ("sad", "I feel bad and I do not smile."),
            ]
        )
        return [
            ("user", self.pick(["How are you?", "How do you feel today?", "Hello, how are you?"])),
            ("model", f"I am {mood} today. {signs}"),
        ]

    # Weather and facts ---------------------------------------------------------------------

    def weather(self):
        kind = self.pick(list(w.WEATHER))
        day = self.pick(["Today", "This morning", *("On " + d for d in w.DAYS)])
        return " ".join(
            [f"{day} it is {kind} in {self.pick(w.TOWNS)}."] + self.some(w.WEATHER[kind], 1, 4)
        )

    def weather_chat(self):
        town, kind = self.pick(w.TOWNS), self.pick(list(w.WEATHER))
        ask = self.pick(
            [
                "How is the weather in {}?",
                "What is the weather like in {}?",
                "Tell me about the weather in {}.",
            ]
        )
        return [
            ("user", ask.format(town)),
            ("model", " ".join([f"It is {kind} in {town}."] + self.some(w.WEATHER[kind], 1, 3))),
        ]

    def question(self):
        """(question, answer) with one true answer."""
        kind = self.rng.randrange(6)
        if kind == 0:
            thing, colour = self.pick(list(w.THINGS_COLOURED.items()))
            return f"What colour is {thing}?", f"{cap(thing)} is {colour}."
        if kind == 1:
            country, city = self.pick(list(w.CAPITALS.items()))
            return f"What is the capital of {country}?", f"The capital of {country} is {city}."
        if kind == 2:
            a, b = self.pick(list(w.OPPOSITES.items()))
            a, b = self.pick([(a, b), (b, a)])
            return f"What is the opposite of {a}?", f"The opposite of {a} is {b}."
        if kind == 3:
            a, b = self.rng.randint(0, 10), self.rng.randint(0, 10)
            total = w.NUMBERS[a + b]
            return (
                f"What is {w.NUMBERS[a]} plus {w.NUMBERS[b]}?",
                f"{cap(w.NUMBERS[a])} plus {w.NUMBERS[b]} is {total}.",
            )
        if kind == 4:
            i = self.rng.randrange(7)
            return (
                f"What day comes after {w.DAYS[i]}?",
                f"{w.DAYS[(i + 1) % 7]} comes after {w.DAYS[i]}.",
            )
        animal = self.pick([a for a, v in w.ANIMALS.items() if v[3]])
        return f"What does a {animal} say?", f"A {animal} says {w.ANIMALS[animal][3]}."

    def fact(self):
        ask, answer = self.question()
        return answer if self.rng.random() < 0.4 else f"{ask} {answer}"

    def fact_chat(self):
        chat = []
        for _ in range(self.rng.randint(1, 2)):
            ask, answer = self.question()
            chat += [("user", ask), ("model", answer)]
        return chat

    # Favourites ----------------------------------------------------------------------------

    def favourite(self):
        kind = self.pick(["animal", "animal", "colour", "food"])
        who = self.pick(["your", "your", "the best"])
        if kind == "animal":
            animal = self.animal("favourite")
            plural, place, like, _ = w.ANIMALS[animal]
            reason = self.pick(
                [
                    f"I like {plural} because they are {like}.",
                    f"I think {plural} are {like} and beautiful.",
                    f"I like to see {plural} near the {place}.",
                ]
            )
            answer = self.pick(
                [
                    f"My favourite animal is the {animal}. {reason}",
                    f"I like the {animal} most. {reason}",
                    f"I would choose the {animal}. {reason}",
                ]
            )
        elif kind == "colour":
            answer = f"My favourite colour is {self.pick(w.COLOURS)}. It looks beautiful."
        else:
            answer = f"My favourite food is {self.pick(w.FOODS)}. It tastes very good."
        if who == "your":
            ask = self.pick(
                [
                    f"What is your favourite {kind}?",
                    f"Which {kind} do you like most?",
                    f"Tell me your favourite {kind}.",
                ]
            )
        else:
            ask = f"Which {kind} is the best?"
        return ask, answer

    def favourite_text(self):
        return " ".join(self.favourite())

    def favourite_chat(self):
        ask, answer = self.favourite()
        return [("user", ask), ("model", answer)]

    # Stories -------------------------------------------------------------------------------

    def story(self):
        name, he = self.person()
        animal = self.animal("story")
        plural, place, like, _ = w.ANIMALS[animal]
        his, him = w.HIS[he], w.HIM[he]
        friend, _ = self.person()
        start = self.pick(
            [
                f"Once upon a time there was a little {animal} named {name}. "
                f"{cap(he)} lived near the {place}.",
                f"There was a {like} {animal} called {name}. {cap(he)} had a small home at the {place}.",
                f"{name} went to the {place} and saw a {animal}. The {animal} was {like}.",
            ]
        )
        middle = self.pick(
            [
                f"One day {he} met {friend}. {friend} was lost and very sad.",
                f"One night there was a big storm. {name} was afraid, but {he} was brave.",
                f"One morning {name} found a gold key. {cap(he)} asked {friend} about it.",
                f"{name} wanted to find {his} lost hat. {friend} said: I will help you.",
                f"{name} and {friend} walked a long way. They saw many {plural}.",
            ]
        )
        end = self.pick(
            [
                f"In the end they went home and were happy. {friend} thanked {him}.",
                f"Then {friend} gave {him} some {self.pick(w.FOODS)}. They became good friends.",
                f"After that {name} slept well. It was a good day.",
                f"Sadly it was too late. {name} cried and went home alone.",
                "At last the sun came out. Everyone danced and sang.",
            ]
        )
        return " ".join([start, middle, end])

    def story_chat(self):
        ask = self.pick(["Tell me a story.", "Tell me a short story.", "Can you tell me a story?"])
        return [("user", ask), ("model", self.story())]

    KINDS = [
        ("opinion", 5),
        ("opinion_chat", 6),
        ("reported_opinion", 1),
        ("feeling", 3),
        ("taste", 3),
        ("taste_chat", 2),
        ("mood_chat", 1),
        ("weather", 2),
        ("weather_chat", 2),
        ("fact", 3),
        ("fact_chat", 3),
        ("favourite_text", 1),
        ("favourite_chat", 3),
        ("story", 4),
        ("story_chat", 2),
    ]

    def text(self, kinds=None):
        kinds = kinds or self.KINDS
        kind = self.rng.choices([k for k, _ in kinds], [n for _, n in kinds])[0]
        return getattr(self, kind)()


def write(texts, seed, prefer=None, kinds=None):
    """A list of texts, the same for the same arguments."""
    writer = Writer(seed, prefer)
    return [writer.text(kinds) for _ in range(texts)]


def as_prompt(text):
    """Plain prose as it is; a chat in Gemma's turns. Without <bos>."""
    if isinstance(text, str):
        return text
    return "".join(f"<start_of_turn>{role}\n{said}<end_of_turn>\n" for role, said in text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=60000)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    for item in write(args.texts, args.seed):
        print(as_prompt(item))
