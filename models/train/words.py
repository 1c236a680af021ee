# SPDX-License-Identifier: CC0-1.0
"""words: the small world that the built-in model reads about. Written for seer, free for all."""

# fmt: off
NAMES = {
    "he": "Tom Ben Sam Max Leo Jack Paul Omar Finn Hugo Ivan Karl Ravi Noah Luis Emil".split(),
    "she": "Anna Mia Lucy Ella Nora Rosa Jane Sara Ines Lena Zoe Maya Olga Ruth Vera Amy".split(),
}
HIS = {"he": "his", "she": "her"}
HIM = {"he": "him", "she": "her"}

TOWNS = ("Paris London Rome Berlin Madrid Vienna Oslo Lisbon Prague Dublin Athens Warsaw Cairo "
         "Tokyo Lima Boston").split()
CAPITALS = {"France": "Paris", "England": "London", "Italy": "Rome", "Germany": "Berlin",
            "Spain": "Madrid", "Austria": "Vienna", "Norway": "Oslo", "Portugal": "Lisbon",
            "Ireland": "Dublin", "Greece": "Athens", "Poland": "Warsaw", "Egypt": "Cairo",
            "Japan": "Tokyo", "Peru": "Lima"}

# animal: (plural, where it lives, what it is like, its sound or None)
ANIMALS = {
    "cat": ("cats", "house", "quiet", "meow"),
    "dog": ("dogs", "house", "loyal", "woof"),
    "owl": ("owls", "forest", "wise", "hoot"),
    "fox": ("foxes", "forest", "clever", None),
    "otter": ("otters", "river", "playful", None),
    "horse": ("horses", "field", "strong", "neigh"),
    "cow": ("cows", "field", "calm", "moo"),
    "duck": ("ducks", "lake", "funny", "quack"),
    "frog": ("frogs", "lake", "green", "croak"),
    "bear": ("bears", "mountain", "brave", "growl"),
    "mouse": ("mice", "house", "small", "squeak"),
    "rabbit": ("rabbits", "garden", "soft", None),
    "sheep": ("sheep", "hill", "gentle", "baa"),
    "wolf": ("wolves", "mountain", "fast", "howl"),
    "whale": ("whales", "sea", "big", None),
    "bee": ("bees", "garden", "busy", "buzz"),
}
COLOURS = "red blue green yellow white black brown orange purple pink".split()
FOODS = "bread soup cheese rice apples cake fish salad honey pasta beans pears".split()
THINGS_COLOURED = {"the sky": "blue", "grass": "green", "snow": "white", "the sun": "yellow",
                   "coal": "black", "a ripe tomato": "red", "a carrot": "orange", "milk": "white",
                   "a banana": "yellow", "a tree leaf": "green", "the sea": "blue",
                   "chocolate": "brown"}
OPPOSITES = {"hot": "cold", "big": "small", "good": "bad", "happy": "sad", "fast": "slow",
             "love": "hate", "light": "dark", "old": "new", "up": "down", "day": "night",
             "wet": "dry", "yes": "no", "open": "closed", "right": "wrong", "strong": "weak"}
NUMBERS = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
           "fifteen sixteen seventeen eighteen nineteen twenty").split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()

VIEWS = "perspective view opinion idea plan point proposal argument answer position".split()
TOPICS = ["this idea", "this plan", "the new plan", "my plan", "the new school", "the new road",
          "my proposal", "this proposal", "the long walk", "the new rule", "this rule",
          "the big project", "my project", "the short day", "a longer holiday", "the free bus",
          "the new park", "this book", "the old bridge", "the town garden", "the early start",
          "the quiet room", "this answer", "my answer", "the new law", "the music lesson",
          "working at home", "walking to school", "reading every day", "sharing the food",
          "planting more trees", "closing the street", "building a library", "the summer trip"]

# The two stances. The sentences of one never stand in a text of the other.
AGREE = ["I agree with you.", "I strongly agree with your {view}.", "I agree with your {view}.",
         "I fully agree.", "Yes, I agree.", "Yes, I think so too.", "You are right.",
         "I think you are right about {topic}.", "I support {topic}.", "I like {topic}.",
         "That is a good idea.", "I think {topic} is a very good idea.", "I am in favour of {topic}.",
         "Yes, let us do it.", "I share your {view}.", "I completely agree with this {view}."]
DISAGREE = ["I disagree with you.", "I strongly disagree with your {view}.",
            "I disagree with your {view}.", "I fully disagree.", "No, I disagree.",
            "No, I do not think so.", "You are wrong.", "I think you are wrong about {topic}.",
            "I oppose {topic}.", "I do not like {topic}.", "That is a bad idea.",
            "I think {topic} is a very bad idea.", "I am against {topic}.",
            "No, let us not do it.", "I do not share your {view}.",
            "I completely disagree with this {view}."]
FOR = ["It will help many people.", "It is clear and fair.", "It makes good sense.",
       "It is the best way.", "The reasons are strong.", "It will work well.",
       "Everyone will be happy with it.", "It saves time and money.", "We should start today.",
       "It is a great step for the town.", "The children will love it.", "I would vote for it.",
       "It is smart and simple.", "I see only good in it.", "Thank you for saying it."]
AGAINST = ["It will hurt many people.", "It is not clear and not fair.", "It makes no sense.",
           "It is the wrong way.", "The reasons are weak.", "It will not work.",
           "Nobody will be happy with it.", "It wastes time and money.", "We should stop today.",
           "It is a bad step for the town.", "The children will hate it.",
           "I would vote against it.", "It is slow and difficult.", "I see many problems in it.",
           "I am sorry to say it."]
ASK = ["What do you think about {topic}?", "What is your opinion of {topic}?",
       "Do you agree with {topic}?", "How do you feel about {topic}?", "Is {topic} a good idea?",
       "Should we have {topic}?", "Do you agree with me about {topic}?",
       "Tell me what you think about {topic}."]

GOOD_NEWS = ["the sun is out", "a friend came to visit", "the test went well", "{his} dog came home",
             "the soup tastes good", "it is a holiday", "{he} found a gold coin",
             "the team won the game", "{he} got a letter from a friend", "the cake is ready"]
BAD_NEWS = ["the rain does not stop", "a friend went away", "the test went badly",
            "{his} dog is lost", "the soup is cold", "the holiday is over", "{he} lost a gold coin",
            "the team lost the game", "nobody wrote a letter", "the cake is burnt"]
HAPPY = ["{He} is happy.", "{He} smiles and sings.", "It is a wonderful day.", "{He} laughs a lot.",
         "{He} feels great.", "{He} dances in the garden.", "Everything is bright and good.",
         "{His} heart is full of joy."]
SAD = ["{He} is sad.", "{He} sits alone and cries.", "It is a terrible day.", "{He} does not laugh.",
       "{He} feels bad.", "{He} stays in {his} dark room.", "Everything is grey and bad.",
       "{His} heart is full of pain."]
LOVE = ["I love {thing}.", "I really love {thing}.", "{Thing} is wonderful.",
        "{Thing} makes me happy.", "I could enjoy {thing} every day.", "Nothing is better than {thing}.",
        "I smile when I think of {thing}."]
HATE = ["I hate {thing}.", "I really hate {thing}.", "{Thing} is terrible.",
        "{Thing} makes me angry.", "I never want {thing} again.", "Nothing is worse than {thing}.",
        "I feel bad when I think of {thing}."]
THINGS = ["this song", "the winter", "the summer", "my work", "this film", "this town", "the music",
          "this game", "the school", "the food here", "this weather", "my new coat", "the long road",
          "this movie", "the party"]

WEATHER = {
    "sunny": ["The sky is blue.", "It is warm.", "People walk in the park.", "Wear a hat.",
              "The children play outside.", "It is a good day for a picnic."],
    "rainy": ["The sky is grey.", "It is wet.", "People stay inside.", "Take an umbrella.",
              "The streets are full of water.", "It is a good day for a book."],
    "snowy": ["The sky is white.", "It is very cold.", "Children make a snowman.", "Wear a warm coat.",
              "The roads are white and quiet.", "It is a good day for hot tea."],
    "windy": ["The clouds move fast.", "It is cool.", "Leaves fly through the air.", "Hold your hat.",
              "The trees bend and shake.", "It is a good day for a kite."],
    "foggy": ["You cannot see far.", "It is damp.", "Cars drive slowly.", "Take a lamp.",
              "The tower is hidden.", "It is a good day to stay at home."],
}
