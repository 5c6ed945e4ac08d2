// Something to begin with, for people who have no text at hand.

const stories = [
  ['The last library', 'The last library on Earth had only one visitor a year. This year she brought'],
  ['A recipe', 'Recipe for a rainy Sunday\n\nIngredients:\n-'],
  ['The news', 'Scientists announced on Tuesday that the moon is'],
];

const byTask = {
  got: [
    ['At the Wall', 'The night was cold beyond the Wall, and Jon'],
    ['A feast', 'Tyrion raised his cup to the king and said'],
    ['Ravens', 'The raven came at dawn with a letter sealed in black wax.'],
  ],
  spam: [
    ['A prize', 'WINNER!! You have been selected for a £900 prize. Call 09061701461 now to claim.'],
    ['A friend', 'Running ten minutes late, could you save me a seat?'],
    ['An offer', 'Free ringtone! Reply YES to 80082 for your weekly tones, 150p a message.'],
  ],
};

const classified = [
  ['Praise', 'I have not laughed so much in years.'],
  ['Complaint', 'The parcel arrived late, and one of the cups was broken.'],
];

/** Pairs of a title and a text. */
export function examplesFor(task) {
  return byTask[task.name] ?? (task.kind === 'classify' ? classified : stories);
}
